/** A text in parts, of which those that are web addresses carry where they lead. Nothing else becomes a link. */
export function linked(text: string): { text: string; href?: string }[] {
  const out: { text: string; href?: string }[] = [];
  let from = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"']+/g)) {
    // A stop or bracket after an address belongs to the sentence.
    const address = found[0].replace(/[.,;:!?)\]]+$/, '');
    if (found.index > from) out.push({ text: text.slice(from, found.index) });
    out.push({ text: address, href: address });
    from = found.index + address.length;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}
