// A maintenance window in words and in the fields of its form.
import type { Recurrence } from '@/api/alerts';

export const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const two = (n: number) => String(n).padStart(2, '0');

/** "Mon, Tue 22:00 to 02:00 (next day)". */
export function recurrenceWords(r: Recurrence): string {
  const sorted = [...new Set(r.dow)].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
  const when = sorted.length === 7 ? 'Every day' : sorted.map((d) => days[d]!.slice(0, 3)).join(', ');
  const over = r.end_hour < r.start_hour ? ' (next day)' : '';
  return `${when} ${two(r.start_hour)}:00 to ${two(r.end_hour)}:00${over}`;
}

/** Hours of a day, 0 to 23, that a recurrence covers: what began the day before included. */
export function coveredHours(r: Recurrence, day: number): boolean[] {
  const overnight = r.end_hour < r.start_hour;
  return Array.from({ length: 24 }, (_, hour) => {
    if (r.dow.includes(day) && hour >= r.start_hour && (overnight || hour < r.end_hour)) return true;
    return overnight && hour < r.end_hour && r.dow.includes((day + 6) % 7);
  });
}

/** A moment as `datetime-local` takes it, in the browser's zone. */
export function toLocal(iso: string): string {
  const t = new Date(iso);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}`;
}
export const fromLocal = (text: string): string => new Date(text).toISOString();

/** Words that are divided by commas; null when there are none. */
export function listOf(text: string): string[] | null {
  const words = text.split(',').map((w) => w.trim()).filter(Boolean);
  return words.length > 0 ? [...new Set(words)] : null;
}
