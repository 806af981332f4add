const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 7340032 → "7.0 MiB". */
export function bytes(n: number): string {
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; ++unit) n /= 1024;
  return `${unit === 0 ? n : n.toFixed(1)} ${units[unit]}`;
}
