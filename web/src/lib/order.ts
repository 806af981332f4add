// The order of rows by a column.

export type Sortable = string | number | null | undefined;

/** Compares by a value: text as people sort it, numbers by size, what is missing last in either direction. */
export function compareBy<T>(by: (row: T) => Sortable, down: boolean): (a: T, b: T) => number {
  const sign = down ? -1 : 1;
  return (a, b) => {
    const x = by(a) ?? null;
    const y = by(b) ?? null;
    if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y), 'en', { numeric: true, sensitivity: 'base' });
  };
}

/** The next order of a column: up, down, as it came. */
export function nextOrder(now: string | null, id: string): string | null {
  if (now === id) return `-${id}`;
  return now === `-${id}` ? null : id;
}
