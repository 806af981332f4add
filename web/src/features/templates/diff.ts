// What differs between two versions of a template, part by part.
import type { TemplateDocument } from '@/api/templates';

export interface Change {
  /** `metrics / water_temp / unit`. */
  path: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
}

const keys = ['metric_key', 'command_key', 'slot_key'];
type Json = Record<string, unknown>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

/** A list of parts by their keys; anything else as it is. */
function byKey(value: unknown): unknown {
  if (!Array.isArray(value) || !value.every(isObject)) return value;
  const entries = value.map((part) => [keys.map((k) => part[k]).find((k) => typeof k === 'string'), part]);
  return entries.every(([key]) => typeof key === 'string') ? (Object.fromEntries(entries) as Json) : value;
}

function walk(path: string[], a: unknown, b: unknown, out: Change[]): void {
  const before = byKey(a);
  const after = byKey(b);
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const name of names) walk([...path, name], before[name], after[name], out);
    return;
  }
  const [x, y] = [before ?? null, after ?? null];
  if (JSON.stringify(x) === JSON.stringify(y)) return;
  const kind = x === null ? 'added' : y === null ? 'removed' : 'changed';
  out.push({ path: path.join(' / '), kind, before: x, after: y });
}

/** Everything that differs, in the order of the documents. */
export function changesBetween(before: TemplateDocument, after: TemplateDocument): Change[] {
  const out: Change[] = [];
  walk([], before, after, out);
  return out;
}

/** A value in a line; an added or removed part by the name it shows. */
export function inWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (isObject(value) && typeof value.display_name === 'string') return value.display_name;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
