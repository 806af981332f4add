// MQTT 3.1.1 as far as a test client needs it (OASIS standard, sections 2 and 3): packets to bytes, and
// bytes to packets.

export type Packet =
  | { type: 'connack'; code: number }
  | { type: 'publish'; topic: string; payload: Uint8Array; qos: number; id: number }
  | { type: 'puback'; id: number }
  | { type: 'suback'; id: number; codes: number[] }
  | { type: 'pingresp' };

const utf8 = new TextEncoder();

/** A string with its length in front. */
function words(text: string): number[] {
  const bytes = utf8.encode(text);
  if (bytes.length > 0xffff) throw new Error('A string of MQTT has at most 65535 bytes.');
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

function packet(first: number, body: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const head = [first];
  let rest = body.length;
  do {
    head.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  const out = new Uint8Array(head.length + body.length);
  out.set(head);
  out.set(body, head.length);
  return out;
}

export const keepAlive = 60;

export const connect = (clientId: string, username: string, password: string) =>
  packet(0x10, [
    ...words('MQTT'),
    4,
    0xc2, // user name, password, clean session
    0,
    keepAlive,
    ...words(clientId),
    ...words(username),
    ...words(password),
  ]);

export function publish(topic: string, payload: string, qos: 0 | 1, id: number) {
  const head = [...words(topic), ...(qos > 0 ? [id >> 8, id & 0xff] : [])];
  const body = utf8.encode(payload);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return packet(0x30 | (qos << 1), whole);
}

export const puback = (id: number) => packet(0x40, [id >> 8, id & 0xff]);
export const subscribe = (filters: string[], id: number) =>
  packet(0x82, [id >> 8, id & 0xff, ...filters.flatMap((f) => [...words(f), 1])]);
export const ping = () => packet(0xc0, []);
export const disconnect = () => packet(0xe0, []);

function read(first: number, body: Uint8Array): Packet {
  const at = (i: number) => {
    const byte = body[i];
    if (byte === undefined) throw new Error('The server sent a packet that is cut short.');
    return byte;
  };
  const number = (i: number) => (at(i) << 8) | at(i + 1);
  switch (first >> 4) {
    case 2:
      return { type: 'connack', code: at(1) };
    case 3: {
      const qos = (first >> 1) & 3;
      const end = 2 + number(0);
      const from = end + (qos > 0 ? 2 : 0);
      if (from > body.length) throw new Error('The server sent a packet that is cut short.');
      return {
        type: 'publish',
        topic: new TextDecoder().decode(body.subarray(2, end)),
        payload: body.slice(from),
        qos,
        id: qos > 0 ? number(end) : 0,
      };
    }
    case 4:
      return { type: 'puback', id: number(0) };
    case 9:
      return { type: 'suback', id: number(0), codes: [...body.subarray(2)] };
    case 13:
      return { type: 'pingresp' };
    default:
      throw new Error(`The server sent a packet of type ${first >> 4}.`);
  }
}

/** Takes bytes as they come, in whatever pieces, and gives whole packets. */
export class Decoder {
  private waiting = new Uint8Array(0);

  push(bytes: Uint8Array): Packet[] {
    const all = new Uint8Array(this.waiting.length + bytes.length);
    all.set(this.waiting);
    all.set(bytes, this.waiting.length);
    const out: Packet[] = [];
    let start = 0;
    for (;;) {
      const found = this.frame(all, start);
      if (!found) break;
      out.push(read(all[start]!, all.subarray(found.body, found.end)));
      start = found.end;
    }
    this.waiting = all.slice(start);
    return out;
  }

  /** Where the packet at `start` has its body and end; null while it is not whole. */
  private frame(all: Uint8Array, start: number): { body: number; end: number } | null {
    let length = 0;
    for (let i = 0; i < 4; i += 1) {
      const byte = all[start + 1 + i];
      if (byte === undefined) return null;
      length += (byte & 127) * 128 ** i;
      if ((byte & 128) === 0) {
        const body = start + 2 + i;
        return body + length <= all.length ? { body, end: body + length } : null;
      }
    }
    throw new Error('The server sent a length that is none.');
  }
}
