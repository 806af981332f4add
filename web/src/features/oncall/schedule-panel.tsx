import { useState } from 'react';
import { oncall, type Schedule, type Slot, type Timeline } from '@/api/oncall';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { cx } from '@/lib/cx';
import { phone, useMedia } from '@/lib/use-media';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Failure, Skeleton } from '@/ui/states';
import { FeedsDialog } from './feeds-dialog';
import { OverrideDialog } from './override-dialog';
import { useRefreshOncall, useTimeline } from './queries';
import { TimelineChart } from './timeline-chart';
import { addDays, dayWords, instantOf, momentWords, wallClock } from './zoned';

const hour = 3_600_000;
const ranges = ['7', '14', '28'].map((value) => ({ value, label: `${value} days` }));

interface Part {
  start: string;
  end: string;
  slot: Slot | null;
}

/** The final schedule with its gaps, in order. */
function partsOf(timeline: Timeline): Part[] {
  return [
    ...timeline.final_schedule.map((slot) => ({ start: slot.start, end: slot.end, slot })),
    ...timeline.gaps.map((g) => ({ start: g.start, end: g.end, slot: null })),
  ].sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
}

function PartRow({ schedule, part: { start, end, slot } }: { schedule: Schedule; part: Part }) {
  const refresh = useRefreshOncall();
  const zone = schedule.timezone;
  const [asking, setAsking] = useState(false);
  const when = `${momentWords(Date.parse(start), zone)} – ${momentWords(Date.parse(end), zone)}`;
  const id = slot?.override_id ?? null;
  return (
    <li className="border-b px-3 py-1.5 last:border-b-0">
      <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 sm:grid-cols-[20rem_minmax(0,1fr)_auto]">
        <span className="num text-12 text-ink-2 max-sm:order-last max-sm:col-span-2 sm:text-13">
          {when}
        </span>
        <span className={cx('min-w-0 truncate', slot ? 'font-medium' : 'text-critical')}>
          {slot ? slot.responder : '▲ Nobody'}
          {slot && <span className="font-normal text-ink-2"> · {slot.is_override ? 'Override' : slot.layer_name}</span>}
        </span>
        {id !== null && (
          <GatedButton
            needs={needs.override}
            small
            kind="quiet"
            onClick={() => setAsking(true)}
            aria-label={`Remove the override of ${slot!.responder}`}
          >
            Remove
          </GatedButton>
        )}
      </div>
      {asking && id !== null && slot && (
        <Removal
          title={`Remove the override of ${slot.responder}?`}
          action="Remove"
          run={() => oncall.removeOverride(schedule.schedule_id, id)}
          told="The override is removed"
          onDone={refresh}
          onClose={() => setAsking(false)}
        >
          <p className="num text-ink">{when}</p>
          <p>Whoever the layers say is on call again. Removed overrides can be made anew only.</p>
        </Removal>
      )}
    </li>
  );
}

/** The calendar of one schedule: as a picture to draw overrides on, and as a list. */
export function SchedulePanel({ schedule }: { schedule: Schedule }) {
  const { params, set } = useUrl();
  const { may } = usePermissions();
  const zone = schedule.timezone;
  // A phone has room for a week.
  const usual = useMedia(phone) ? '7' : '14';
  const chosen = ranges.find((r) => r.value === params.get('days'))?.value ?? usual;
  const days = Number(chosen);
  const today = wallClock(Date.now(), zone).slice(0, 10);
  const given = params.get('from') ?? '';
  const from = /^20[0-3]\d-\d\d-\d\d$/.test(given) && !Number.isNaN(instantOf(given, zone)) ? given : today;
  const timeline = useTimeline(schedule.schedule_id, days, instantOf(from, zone));
  const [drawn, setDrawn] = useState<[number, number] | null>(null);
  const [links, setLinks] = useState(false);
  const step = (by: number) => {
    const next = addDays(from, by);
    set({ from: next === today ? null : next });
  };
  const nextHour = Math.ceil(Date.now() / hour) * hour;
  return (
    <Panel
      title={schedule.name}
      aside={
        <>
          <Button small onClick={() => setLinks(true)}>
            Calendar links
          </Button>
          <GatedButton needs={needs.override} small onClick={() => setDrawn([nextHour, nextHour + 8 * hour])}>
            Add override
          </GatedButton>
        </>
      }
    >
      <div className="flex flex-wrap items-center gap-2 border-b px-3 py-2">
        <Segmented label="Days shown" options={ranges} value={chosen} onChange={(v) => set({ days: v === usual ? null : v })} />
        <Button small onClick={() => step(-days)} aria-label="Earlier">
          ‹
        </Button>
        <Button small disabled={from === today} onClick={() => set({ from: null })}>
          Today
        </Button>
        <Button small onClick={() => step(days)} aria-label="Later">
          ›
        </Button>
        <span className="num text-12 text-ink-2">
          from {dayWords(from)} · times of {zone}
        </span>
      </div>
      {timeline.error && !timeline.data ? (
        <Failure error={timeline.error} what="The calendar" retry={() => void timeline.refetch()} />
      ) : !timeline.data ? (
        <div role="status" aria-label="Loading the calendar" className="p-3">
          <Skeleton className="h-32" />
        </div>
      ) : (
        <>
          <TimelineChart
            schedule={schedule}
            timeline={timeline.data}
            days={days}
            onSelect={may(needs.override) ? (a, b) => setDrawn([a, b]) : undefined}
          />
          {may(needs.override) && (
            <p className="border-b px-3 pb-2 text-12 text-ink-3">Draw along the first row to let somebody take over.</p>
          )}
          <ul aria-label="Who is on call">
            {partsOf(timeline.data).map((part) => (
              <PartRow key={part.start} schedule={schedule} part={part} />
            ))}
          </ul>
        </>
      )}
      {drawn && (
        <OverrideDialog schedule={schedule} from={drawn[0]} to={drawn[1]} onClose={() => setDrawn(null)} />
      )}
      {links && <FeedsDialog schedule={schedule} onClose={() => setLinks(false)} />}
    </Panel>
  );
}
