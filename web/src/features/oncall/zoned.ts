// Wall clocks of a schedule's zone. Days and hours of a schedule are those of its zone, wherever the
// reader is.

const formats = new Map<string, Intl.DateTimeFormat>();

function partsFormat(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
}

/** What the zone's clock shows: "2026-03-29T02:30". */
export function wallClock(ms: number, zone: string): string {
  const part = Object.fromEntries(
    partsFormat(zone)
      .formatToParts(ms)
      .map((p) => [p.type, p.value]),
  );
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/**
 * When the zone's clock shows it ("2026-03-29T02:30" or "2026-03-29"). An hour that a day leaves out is the
 * one after it; of one that it has twice it is the first. NaN for what is no time.
 */
export function instantOf(wall: string, zone: string): number {
  const asUtc = Date.parse(`${wall.length === 10 ? `${wall}T00:00` : wall}Z`);
  if (Number.isNaN(asUtc)) return NaN;
  const offset = (at: number) => Date.parse(`${wallClock(at, zone)}Z`) - at;
  // The offsets on both sides of any change nearby: the larger is the earlier instant.
  const offsets = [offset(asUtc - 86_400_000), offset(asUtc + 86_400_000)];
  const fits = offsets.map((o) => asUtc - o).filter((at) => offset(at) === asUtc - at);
  return fits.length > 0 ? Math.min(...fits) : asUtc - Math.min(...offsets);
}

/** The day after so many days of the calendar: "2026-03-29" + 1 is "2026-03-30". */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** "Sun 29 Mar". */
export function dayWords(day: string): string {
  return new Date(`${day}T00:00Z`).toLocaleDateString('en-GB', {
    timeZone: 'UTC',
    weekday: 'short',
    day: 'numeric',
    month: 'short',
  });
}

/** "Sun 29 Mar 02:30", as the zone's clock shows it. */
export function momentWords(ms: number, zone: string): string {
  const wall = wallClock(ms, zone);
  return `${dayWords(wall.slice(0, 10))} ${wall.slice(11)}`;
}
