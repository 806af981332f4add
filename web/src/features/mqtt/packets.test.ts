import { expect, it } from 'vitest';
import { connect, Decoder, ping, publish, subscribe } from './packets';

it('writes packets as the standard has them', () => {
  expect([...connect('c', 'u', 'p')]).toEqual([
    0x10, 19, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, 60, 0, 1, 0x63, 0, 1, 0x75, 0, 1, 0x70,
  ]);
  expect([...publish('t', 'hi', 0, 0)]).toEqual([0x30, 5, 0, 1, 0x74, 0x68, 0x69]);
  expect([...publish('t', 'hi', 1, 258)]).toEqual([0x32, 7, 0, 1, 0x74, 1, 2, 0x68, 0x69]);
  expect([...subscribe(['a/#'], 1)]).toEqual([0x82, 8, 0, 1, 0, 3, 0x61, 0x2f, 0x23, 1]);
  expect([...ping()]).toEqual([0xc0, 0]);
  // A length of 128 and more takes two bytes.
  expect([...publish('t', 'x'.repeat(200), 0, 0)].slice(0, 3)).toEqual([0x30, 0xcb, 0x01]);
});

it('reads packets in whatever pieces they come', () => {
  const bytes = new Uint8Array([
    0x20, 2, 0, 5, 0x90, 3, 0, 1, 0x80, 0x40, 2, 1, 2, 0xd0, 0, ...publish('t/ä', 'x'.repeat(300), 1, 7),
  ]);
  const whole = new Decoder().push(bytes);
  expect(whole.map((p) => p.type)).toEqual(['connack', 'suback', 'puback', 'pingresp', 'publish']);
  expect(whole[0]).toEqual({ type: 'connack', code: 5 });
  expect(whole[1]).toEqual({ type: 'suback', id: 1, codes: [0x80] });
  expect(whole[4]).toMatchObject({ topic: 't/ä', qos: 1, id: 7 });
  const decoder = new Decoder();
  const pieces = [...bytes].flatMap((b) => decoder.push(new Uint8Array([b])));
  expect(pieces).toEqual(whole);
});

it('refuses what is no MQTT', () => {
  expect(() => new Decoder().push(new Uint8Array([0x30, 1, 0]))).toThrow(/cut short/);
  expect(() => new Decoder().push(new Uint8Array([0x30, 0xff, 0xff, 0xff, 0xff]))).toThrow(/length/);
  expect(() => new Decoder().push(new Uint8Array([0xf0, 0]))).toThrow(/type 15/);
});
