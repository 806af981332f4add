// The line that searches devices, `status:online site:"Hamburg Hub" temp_c>30 -tag:old`. The server reads it;
// the page only looks for, and changes, the terms that it has buttons for.

/** The parts of a line as they were typed: terms and words, quotes kept together. */
export function parts(line: string): string[] {
  return line.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];
}

const isOf = (part: string, key: string) => part.toLowerCase().startsWith(`${key}:`);

/** A part that stands in an OR means something else than by itself. */
const inOr = (all: string[], i: number) => all[i - 1] === 'OR' || all[i + 1] === 'OR';

/** The value of a term that must hold by itself, e.g. of `site:`; null without one. */
export function termOf(line: string, key: string): string | null {
  const all = parts(line);
  const i = all.findIndex((part, at) => isOf(part, key) && !inOr(all, at));
  if (i < 0) return null;
  const value = all[i]!.slice(key.length + 1);
  return value.startsWith('"') ? value.slice(1).replace(/"$/, '').replace(/\\(.)/g, '$1') : value || null;
}

/** A value as it stands in a line. */
export const quoted = (value: string) =>
  /[\s",*]/.test(value) || value === '' ? `"${value.replace(/[\\"]/g, '\\$&')}"` : value;

/** The line with this value of a term, or without the term. */
export function withTerm(line: string, key: string, value: string | null): string {
  const all = parts(line);
  const kept = all.filter((part, i) => !isOf(part, key) || inOr(all, i));
  return (value === null ? kept : [...kept, `${key}:${quoted(value)}`]).join(' ');
}

/** Where a refused search is at fault, counted from 0, as the server's sentence says; null: it does not say. */
export function faultAt(message: string): number | null {
  const found = /^Search term .* at position (\d+): /s.exec(message);
  return found ? Number(found[1]) - 1 : null;
}
