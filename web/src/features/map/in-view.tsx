// What the map shows, as a list: the way to it without a pointer.
import type { Site } from '@/api/types';
import { cx } from '@/lib/cx';
import { count, many } from '@/lib/numbers';
import { Panel } from '@/ui/page';
import { StatusShape } from '@/ui/status';
import { within, xOf, yOf, type Bounds } from './mercator';
import { statuses, type Points } from './points';

/** Devices listed at once. */
const most = 100;
const colours = ['text-online', 'text-stale', 'text-offline'];
const words = ['online', 'stale', 'offline'];

/** The points inside the bounds, the worst first, and how many there are in all. */
export function pointsIn(points: Points, bounds: Bounds, mask: number): { first: number[]; total: number } {
  const by: number[][] = statuses.map(() => []);
  let total = 0;
  for (let i = 0; i < points.size; i += 1) {
    const status = points.status[i]!;
    if (!(mask & (1 << status)) || !within(bounds, points.x[i]!, points.y[i]!)) continue;
    total += 1;
    if (by[status]!.length < most) by[status]!.push(i);
  }
  return { first: by.reverse().flat().slice(0, most), total };
}

export function InView({
  points,
  bounds,
  mask,
  sites,
  chosen,
  onDevice,
  onSite,
}: {
  points: Points;
  bounds: Bounds | null;
  mask: number;
  sites: readonly Site[];
  chosen: string | null;
  onDevice: (index: number) => void;
  onSite: (site: Site) => void;
}) {
  const seen = bounds ? pointsIn(points, bounds, mask) : { first: [], total: 0 };
  const places = sites.filter((s) => bounds && within(bounds, xOf(s.longitude!), yOf(s.latitude!)));
  const row = (on: boolean) =>
    cx(
      'flex min-h-7.5 w-full items-center gap-2 px-3 py-0.5 text-left hover:bg-surface-2 focus-visible:-outline-offset-2',
      on && 'bg-accent-soft',
    );
  return (
    <Panel
      title="On this map"
      aside={<span className="num">{many(seen.total, 'device')}</span>}
      className="flex flex-col lg:max-h-full"
    >
      {seen.total === 0 && places.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">
          Nothing stands in this part of the world. “Show everything” (0) goes back.
        </p>
      ) : (
        <ul className="min-h-0 overflow-y-auto max-lg:max-h-80">
          {places.map((s) => (
            <li key={s.site_id} className="border-b">
              <button
                type="button"
                aria-pressed={chosen === `site:${s.site_id}`}
                onClick={() => onSite(s)}
                className={row(chosen === `site:${s.site_id}`)}
              >
                <span aria-hidden="true">◇</span>
                <span className="min-w-0 flex-1 truncate font-medium">{s.name}</span>
                <span className="num text-12 text-ink-2">{many(s.device_count, 'device')}</span>
              </button>
            </li>
          ))}
          {seen.first.map((i) => {
            const status = points.status[i]!;
            const id = points.ids[i]!;
            return (
              <li key={id}>
                <button
                  type="button"
                  data-device={id}
                  aria-pressed={chosen === `device:${id}`}
                  onClick={() => onDevice(i)}
                  className={row(chosen === `device:${id}`)}
                >
                  <span className={colours[status]}>
                    <StatusShape status={statuses[status]!} />
                  </span>
                  <span className="min-w-0 flex-1 truncate">{points.names[i]}</span>
                  <span className={`text-12 ${colours[status]}`}>{words[status]}</span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
      {seen.total > seen.first.length && (
        <p className="num border-t px-3 py-1.5 text-12 text-ink-2">
          The worst {count(seen.first.length)} of {count(seen.total)}; zoom in for the others.
        </p>
      )}
    </Panel>
  );
}
