// Which name a module's metric is stored by: pairs in a form, an object for the API.

export interface Pair {
  from: string;
  to: string;
}

export const pairsOf = (map: Record<string, string>): Pair[] =>
  Object.entries(map).map(([from, to]) => ({ from, to }));

/** What is wrong with the pairs, or false. Empty lines count for nothing. */
export function pairsFault(pairs: readonly Pair[]): string | false {
  const full = pairs.filter((p) => p.from.trim() || p.to.trim());
  if (full.some((p) => !p.from.trim() || !p.to.trim())) return 'Each line needs both names.';
  const names = full.map((p) => p.from.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) return `${twice} stands twice.`;
  const bad = full.find((p) => !/^[a-zA-Z][a-zA-Z0-9_]*$/.test(p.to.trim()));
  return bad ? `${bad.to}: a letter, then letters, digits and “_”.` : false;
}

export const mapOf = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(
    pairs.filter((p) => p.from.trim() && p.to.trim()).map((p) => [p.from.trim(), p.to.trim()]),
  );
