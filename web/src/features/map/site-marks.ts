import type { Site } from '@/api/types';
import { count } from '@/lib/numbers';
import type { MapSite } from './draw';
import { isPlace, xOf, yOf, type Bounds } from './mercator';

/** The sites that have coordinates. */
export const placedSites = (sites: readonly Site[] | undefined): Site[] =>
  (sites ?? []).filter((s) => isPlace(s.latitude, s.longitude));

/** How many of its devices are not well, in words. */
function trouble(s: Site): string {
  if (s.offline_count > 0) return ` · ${count(s.offline_count)} offline`;
  return s.stale_count > 0 ? ` · ${count(s.stale_count)} stale` : '';
}

/** The same as they are drawn. */
export const marksOf = (placed: readonly Site[]): MapSite[] =>
  placed.map((s) => ({
    id: s.site_id,
    name: s.name + trouble(s),
    status: s.device_count === 0 ? null : s.offline_count > 0 ? 2 : s.stale_count > 0 ? 1 : 0,
    x: xOf(s.longitude!),
    y: yOf(s.latitude!),
  }));

/** The box with these marks in it as well. */
export function around(box: Bounds | null, marks: readonly MapSite[]): Bounds | null {
  let all = box;
  for (const s of marks)
    all = {
      left: Math.min(all?.left ?? 1, s.x),
      right: Math.max(all?.right ?? 0, s.x),
      top: Math.min(all?.top ?? 1, s.y),
      bottom: Math.max(all?.bottom ?? 0, s.y),
    };
  return all;
}
