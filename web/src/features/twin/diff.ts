// Two JSON documents side by side: a row for each leaf, by its path.
import type { Json, JsonObject } from '@/api/control';

export type RowState = 'same' | 'differs' | 'only-left' | 'only-right';
export interface DiffRow {
  path: string;
  left: Json | undefined;
  right: Json | undefined;
  state: RowState;
}

const isObject = (v: Json | undefined): v is JsonObject =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

/** Whether two values mean the same, whatever the order of their members. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((x, i) => same(x, b[i]));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length && names.every((n) => n in b && same(a[n], b[n]))
    );
  }
  return a === b;
}

/** Objects are gone into; everything else, lists too, is one value. */
export function diffRows(left: JsonObject, right: JsonObject, under = ''): DiffRow[] {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return names.flatMap((name): DiffRow[] => {
    const path = under ? `${under}.${name}` : name;
    const a = left[name];
    const b = right[name];
    const nested = (v: Json | undefined) => isObject(v) && Object.keys(v).length > 0;
    if ((nested(a) && (nested(b) || b === undefined)) || (nested(b) && a === undefined))
      return diffRows((a ?? {}) as JsonObject, (b ?? {}) as JsonObject, path);
    const state: RowState =
      a === undefined ? 'only-right' : b === undefined ? 'only-left' : same(a, b) ? 'same' : 'differs';
    return [{ path, left: a, right: b, state }];
  });
}

/** What the browser says of a text that is no JSON, in our words; it tells the place of long ones only. */
function faultOf(text: string, said: string): string {
  const where = /position (\d+)/.exec(said);
  if (where) {
    const before = text.slice(0, Number(where[1])).split('\n');
    return `No JSON from line ${before.length}, column ${before.at(-1)!.length + 1} on.`;
  }
  const token = /token '?([^',]+)/.exec(said);
  return token ? `No JSON: “${token[1]}” can’t stand where it does.` : 'No JSON: it ends too early.';
}

/** The document that a text is, or what is wrong with it. */
export function parseDocument(text: string): { document: JsonObject } | { fault: string } {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return { fault: faultOf(text, String(error)) };
  }
  if (!isObject(value)) return { fault: 'The document is an object: {"name": value}.' };
  return { document: value };
}

export const pretty = (document: JsonObject): string => JSON.stringify(document, null, 2);
