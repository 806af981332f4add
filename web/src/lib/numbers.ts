// Numbers and metric values for people.

/** A value with at most `digits` decimals, without trailing noise; booleans and text as they are. */
export function value(v: number | boolean | string | null | undefined, digits = 2): string {
  if (v === null || v === undefined) return '–';
  if (typeof v === 'boolean') return v ? 'true' : 'false';
  if (typeof v === 'string') return v;
  if (!Number.isFinite(v)) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return v.toExponential(2);
  return v.toFixed(Math.min(digits, size >= 10_000 ? 0 : digits)).replace('-0.00', '0.00');
}

/** A value with its unit, e.g. "-19.2 °C". */
export function withUnit(
  v: number | boolean | string | null | undefined,
  unit: string | null | undefined,
  digits = 2,
): string {
  const text = value(v, digits);
  return unit && typeof v === 'number' ? `${text} ${unit}` : text;
}

/** 1284 → "1,284". */
export function count(n: number): string {
  return n.toLocaleString('en');
}

const words: Record<string, string> = { pct: '%', c: '°C', v: 'V', dbm: 'dBm', db: 'dB', hpa: 'hPa' };

/** Metrics whose bare name leaves no doubt about the unit. */
const usual: Record<string, string> = {
  temperature: '°C',
  humidity: '%',
  battery: '%',
  co2: 'ppm',
  rssi: 'dBm',
  rpm: '1/min',
};

/** Decimals that the values need, at most `most`. */
export function decimalsOf(values: readonly (number | null | undefined)[], most: number): number {
  let need = 0;
  for (const v of values) {
    if (v === null || v === undefined || !Number.isFinite(v)) continue;
    while (need < most && Math.abs(v - Number(v.toFixed(need))) > 1e-9 * Math.max(1, Math.abs(v)))
      need += 1;
    if (need === most) break;
  }
  return need;
}

/** Decimals that an axis with this step needs, so that each label is the number it stands at. */
function stepDecimals(step: number): number {
  let d = 0;
  while (d < 12 && Math.abs(step * 10 ** d - Math.round(step * 10 ** d)) > 1e-6) d += 1;
  return d;
}

/** Labels of an axis: every one exact, all with the same decimals. */
export function axisLabels(splits: readonly number[], step: number): string[] {
  const most = Math.max(...splits.map(Math.abs));
  if (most >= 1e7 || (most > 0 && most < 1e-4)) {
    const digits = Math.max(0, Math.ceil(Math.log10(most / step)));
    return splits.map((v) => (v === 0 ? '0' : v.toExponential(digits)));
  }
  const decimals = stepDecimals(step);
  return splits.map((v) => v.toFixed(decimals).replace(/^-(0(\.0*)?)$/, '$1'));
}

/** A readable name and a guessed unit for a metric that nobody has described: "temp_c". */
export function describe(key: string): { name: string; unit: string | null } {
  const parts = key.split('_').filter(Boolean);
  const last = parts.at(-1)?.toLowerCase() ?? '';
  const bare = usual[key.toLowerCase()] ?? null;
  const unit = bare ?? (parts.length > 1 ? (words[last] ?? null) : null);
  const named = unit && !bare ? parts.slice(0, -1) : parts;
  const text = named.join(' ');
  const full = { temp: 'temperature', rssi: 'signal', lat: 'latitude', lon: 'longitude', co2: 'CO₂', rpm: 'speed' }[
    text
  ] ?? text;
  return { name: full.charAt(0).toUpperCase() + full.slice(1), unit };
}

/** `1 device`, `2 devices`. */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : more}`;
}
