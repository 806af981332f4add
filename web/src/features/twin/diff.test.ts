import { expect, it } from 'vitest';
import { diffRows, parseDocument, same } from './diff';

it('tells leaf by leaf how two documents differ', () => {
  const rows = diffRows(
    { interval: 60, led: { on: true, color: 'red' }, list: [1, 2], gone: 1 },
    { interval: 30, led: { color: 'red', on: true }, list: [1, 2], more: { deep: null } },
  );
  expect(rows.map((r) => [r.path, r.state])).toEqual([
    ['gone', 'only-left'],
    ['interval', 'differs'],
    ['led.color', 'same'],
    ['led.on', 'same'],
    ['list', 'same'],
    ['more.deep', 'only-right'],
  ]);
});

it('keeps a value beside an object as one row', () => {
  expect(diffRows({ a: 1 }, { a: { b: 2 } })).toEqual([
    { path: 'a', left: 1, right: { b: 2 }, state: 'differs' },
  ]);
  expect(diffRows({ a: {} }, {})).toEqual([
    { path: 'a', left: {}, right: undefined, state: 'only-left' },
  ]);
});

it('does not mind the order of members', () => {
  expect(same({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toBe(true);
  expect(same({ a: 1 }, { a: 1, b: undefined as never })).toBe(false);
  expect(same([1], [1, 2])).toBe(false);
});

it('says what is wrong with a text', () => {
  expect(parseDocument('{"a": 1}')).toEqual({ document: { a: 1 } });
  expect(parseDocument('[1]')).toHaveProperty('fault');
  expect(parseDocument('null')).toHaveProperty('fault');
  for (const text of ['{"a": }', '{"a": 1', '', 'x', '{"a": 1,\n"b" 2}'])
    expect((parseDocument(text) as { fault: string }).fault).toMatch(/^No JSON/);
});
