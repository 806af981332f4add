/** What a question's query may hold. */
export type QueryValues = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

/** A path with its query; members without a value are left out, lists repeat the name. */
export function withQuery(path: string, query: QueryValues = {}): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value])
      if (one !== undefined && one !== null) out.append(name, String(one));
  const text = out.toString();
  return text ? `${path}?${text}` : path;
}
