import type { DeviceSensor } from '@/api/instances';

/** "0 to 110", or nothing. */
export const rangeOf = (s: { min_range: number | null; max_range: number | null }): string =>
  s.min_range === null && s.max_range === null
    ? ''
    : `${s.min_range ?? '…'} to ${s.max_range ?? '…'}`;

/** True for a value outside what the sensor should show. */
export const outside = (s: Pick<DeviceSensor, 'last_value' | 'min_range' | 'max_range'>): boolean =>
  s.last_value !== null &&
  ((s.min_range !== null && s.last_value < s.min_range) ||
    (s.max_range !== null && s.last_value > s.max_range));
