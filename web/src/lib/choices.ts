// Choices that several forms offer.

/** Full hours of a day as options, both ends included: "22" is shown as 22:00. */
export const hourOptions = (from: number, to: number): { value: string; label: string }[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    value: String(from + i),
    label: `${String(from + i).padStart(2, '0')}:00`,
  }));

/** The list with the item, or without it where it had it. */
export const toggled = <T>(list: readonly T[], item: T): T[] =>
  list.includes(item) ? list.filter((x) => x !== item) : [...list, item];

/** What is written between commas or blanks. */
export const wordsOf = (text: string): string[] => text.split(/[,\s]+/).filter(Boolean);
