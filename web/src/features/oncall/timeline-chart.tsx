// The calendar of a schedule as rows over time: who really is on call, overrides, and each layer.
import { useMemo, useRef, useState, type PointerEvent } from 'react';
import type { Schedule, Slot, Timeline } from '@/api/oncall';
import { cx } from '@/lib/cx';
import { useNow } from '@/ui/time';
import { addDays, dayWords, instantOf, momentWords, wallClock } from './zoned';

const hour = 3_600_000;

interface Row {
  name: string;
  slots: Slot[];
  final?: boolean;
}

/** The rows from top to bottom: final schedule, overrides of the whole, layers from the highest. */
export function rowsOf(schedule: Schedule, timeline: Timeline): Row[] {
  const whole = timeline.slots.filter((s) => s.layer_id === null);
  return [
    { name: 'On call', slots: timeline.final_schedule, final: true },
    ...(whole.length > 0 ? [{ name: 'Overrides', slots: whole }] : []),
    ...schedule.layers.map((l) => ({
      name: l.name,
      slots: timeline.slots.filter((s) => s.layer_id === l.layer_id),
    })),
  ];
}

export function TimelineChart({
  schedule,
  timeline,
  days,
  onSelect,
}: {
  schedule: Schedule;
  timeline: Timeline;
  days: number;
  /** A stretch of the top row was drawn; absent: it can't be. */
  onSelect?: (from: number, to: number) => void;
}) {
  const zone = schedule.timezone;
  const from = Date.parse(timeline.start);
  const to = Date.parse(timeline.end);
  const now = useNow(Date.now());
  const [over, setOver] = useState<string | null>(null);
  const place = (ms: number) => (100 * (Math.min(to, Math.max(from, ms)) - from)) / (to - from);
  const marks = useMemo(() => {
    const first = wallClock(Date.parse(timeline.start), zone).slice(0, 10);
    return Array.from({ length: days }, (_, i) => {
      const day = addDays(first, i);
      return { day, at: instantOf(day, zone) };
    });
  }, [timeline.start, zone, days]);
  const label = days > 14 ? 7 : days > 7 ? 2 : 1;
  return (
    <div className="relative overflow-hidden px-3 py-2" aria-hidden="true">
      <div className="num relative ml-20 h-5 text-11 text-ink-3 sm:ml-32">
        {marks.map(({ day, at }, i) => (
          <span
            key={day}
            className={cx('absolute truncate', i % label !== 0 && 'hidden', i % (2 * label) !== 0 && 'max-sm:hidden')}
            style={{ left: `${place(at)}%` }}
          >
            {dayWords(day)}
          </span>
        ))}
      </div>
      <div className="relative">
        <div className="absolute inset-y-0 right-0 left-20 sm:left-32">
          {marks.map(({ day, at }) => (
            <span key={day} className="absolute inset-y-0 border-l" style={{ left: `${place(at)}%` }} />
          ))}
          {now > from && now < to && (
            <span className="absolute inset-y-0 z-10 border-l-2 border-accent" style={{ left: `${place(now)}%` }} />
          )}
        </div>
        {rowsOf(schedule, timeline).map((row, i) => (
          <div key={`${row.name} ${i}`} className="relative flex h-9 items-center">
            <span className={cx('w-20 shrink-0 truncate pr-2 text-12 sm:w-32', row.final ? 'font-semibold' : 'text-ink-2')}>
              {row.name}
            </span>
            <Lane row={row} zone={zone} place={place} range={[from, to]} over={over} setOver={setOver}
              gaps={row.final ? timeline.gaps : []} onSelect={row.final ? onSelect : undefined} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Lane({
  row,
  zone,
  place,
  range: [from, to],
  gaps,
  over,
  setOver,
  onSelect,
}: {
  row: Row;
  zone: string;
  place: (ms: number) => number;
  range: [number, number];
  gaps: { start: string; end: string }[];
  over: string | null;
  setOver: (who: string | null) => void;
  onSelect?: (from: number, to: number) => void;
}) {
  const lane = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState<[number, number] | null>(null);
  /** The full hour under the pointer. */
  const hourAt = (e: PointerEvent) => {
    const box = lane.current!.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
    return Math.round((from + share * (to - from)) / hour) * hour;
  };
  const drawing = onSelect && {
    onPointerDown: (e: PointerEvent<HTMLDivElement>) => {
      if (e.button !== 0) return;
      e.currentTarget.setPointerCapture(e.pointerId);
      const at = hourAt(e);
      setDrawn([at, at]);
    },
    onPointerMove: (e: PointerEvent) => drawn && setDrawn([drawn[0], hourAt(e)]),
    onPointerUp: () => {
      if (drawn && drawn[0] !== drawn[1]) onSelect(Math.min(...drawn), Math.max(...drawn));
      setDrawn(null);
    },
    onPointerCancel: () => setDrawn(null),
  };
  const span = (start: number, end: number) => ({
    left: `${place(start)}%`,
    width: `${Math.max(0.3, place(end) - place(start))}%`,
  });
  return (
    <div
      ref={lane}
      data-lane={row.final ? 'final' : 'layer'}
      className={cx('relative h-7 flex-1 overflow-hidden', onSelect && 'cursor-crosshair touch-pan-y select-none')}
      {...drawing}
    >
      {gaps.map((g) => (
        <span
          key={g.start}
          title={`Nobody: ${momentWords(Date.parse(g.start), zone)} to ${momentWords(Date.parse(g.end), zone)}`}
          className="absolute inset-y-0 truncate rounded-s border border-dashed border-critical bg-critical-soft px-1 text-11 leading-6.5 text-critical"
          style={span(Date.parse(g.start), Date.parse(g.end))}
        >
          Nobody
        </span>
      ))}
      {row.slots.map((s) => (
        <span
          key={`${s.start} ${s.responder}`}
          title={`${s.responder}: ${momentWords(Date.parse(s.start), zone)} to ${momentWords(Date.parse(s.end), zone)} · ${s.layer_name}`}
          onPointerEnter={() => setOver(s.responder)}
          onPointerLeave={() => setOver(null)}
          className={cx(
            'absolute inset-y-0 truncate rounded-s border px-1 text-11 leading-6.5',
            s.is_override ? 'border-dashed border-accent bg-accent-soft' : row.final ? 'border-line-strong bg-surface-2' : 'bg-surface',
            over === s.responder && 'border-accent!',
          )}
          style={span(Date.parse(s.start), Date.parse(s.end))}
        >
          {s.is_override && '↷ '}
          {s.responder.split('@')[0]}
        </span>
      ))}
      {drawn && drawn[0] !== drawn[1] && (
        <span
          className="pointer-events-none absolute inset-y-0 rounded-s border-2 border-accent bg-accent-soft"
          style={span(Math.min(...drawn), Math.max(...drawn))}
        />
      )}
    </div>
  );
}
