import { useState } from 'react';
import { callPath } from '@/api/customer';
import { oncall, type Current, type Schedule } from '@/api/oncall';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { cx } from '@/lib/cx';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { useEveryCurrent, useRefreshOncall, useSchedules } from './queries';
import { ScheduleDialog } from './schedule-dialog';
import { SchedulePanel } from './schedule-panel';
import { momentWords } from './zoned';

/** "ada until Mon 30 Mar 09:00". */
function NowWords({ current: c }: { current: Current | undefined }) {
  if (!c) return null;
  const until = momentWords(Date.parse(c.until), c.timezone);
  // Further than the server looks ahead, nobody is known.
  const soon = Date.parse(c.until) - Date.now() < 59 * 86_400_000;
  return c.responder ? (
    <span className="num">
      <b>{c.responder}</b>
      {c.is_override && ' (override)'} until {until}
    </span>
  ) : (
    <span className="num text-critical">▲ Nobody {soon ? `until ${until}` : 'in the next weeks'}</span>
  );
}

function ScheduleRow({
  schedule: s,
  current,
  chosen,
  onChoose,
  onEdit,
  onDelete,
}: {
  schedule: Schedule;
  current: Current | undefined;
  chosen: boolean;
  onChoose: () => void;
  onEdit: () => void;
  onDelete: () => void;
}) {
  return (
    <li
      className={cx(
        'flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-3 py-2 last:border-b-0',
        chosen && 'bg-accent-soft',
      )}
    >
      <div className="min-w-48 flex-1">
        <button type="button" aria-pressed={chosen} onClick={onChoose} className="font-medium hover:underline">
          {s.name}
        </button>
        <p className="text-12 text-ink-2">
          {s.timezone} · {many(s.layers.length, 'layer')}
          {s.description && ` · ${s.description}`}
        </p>
      </div>
      <NowWords current={current} />
      <div className="flex gap-1">
        <GatedButton needs={needs.editSchedule} small kind="quiet" onClick={onEdit} aria-label={`Edit ${s.name}`}>
          Edit
        </GatedButton>
        <GatedButton needs={needs.deleteSchedule} small kind="quiet" onClick={onDelete} aria-label={`Delete ${s.name}`}>
          Delete
        </GatedButton>
      </div>
    </li>
  );
}

export default function OncallPage() {
  useTitle('On-call');
  const { params, set } = useUrl();
  const refresh = useRefreshOncall();
  const schedules = useSchedules();
  const current = useEveryCurrent();
  const [editing, setEditing] = useState<Schedule | null>(null);
  const [deleting, setDeleting] = useState<Schedule | null>(null);
  const list = schedules.data ?? [];
  const chosen = list.find((s) => String(s.schedule_id) === params.get('schedule')) ?? list[0];
  const add = (
    <GatedButton needs={needs.createSchedule} kind="primary" onClick={() => set({ new: '1' })}>
      New schedule
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="On-call"
        facts={schedules.data && <span>{many(list.length, 'schedule')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/oncall-schedules')} />
            {add}
          </>
        }
      />
      <div className="flex flex-col gap-3">
        <div className="panel">
          {schedules.error && !schedules.data ? (
            <Failure error={schedules.error} what="Schedules" retry={() => void schedules.refetch()} />
          ) : schedules.isPending ? (
            <SkeletonRows rows={3} label="Loading schedules" />
          ) : list.length === 0 ? (
            <Empty title="No schedules yet" action={add}>
              A schedule says who answers when: people take turns by the day or week, somebody takes over for a
              while, and escalation policies tell whoever is on call at that moment.
            </Empty>
          ) : (
            <ul>
              {list.map((s) => (
                <ScheduleRow
                  key={s.schedule_id}
                  schedule={s}
                  current={current.data?.find((c) => c.schedule_id === s.schedule_id)}
                  chosen={s === chosen && list.length > 1}
                  onChoose={() => set({ schedule: String(s.schedule_id), from: null })}
                  onEdit={() => setEditing(s)}
                  onDelete={() => setDeleting(s)}
                />
              ))}
            </ul>
          )}
        </div>
        {chosen && <SchedulePanel key={chosen.schedule_id} schedule={chosen} />}
      </div>
      {params.get('new') === '1' && (
        <ScheduleDialog
          schedule={null}
          onSaved={(id) => set({ schedule: String(id), new: null })}
          onClose={() => set({ new: null })}
        />
      )}
      {editing && <ScheduleDialog schedule={editing} onClose={() => setEditing(null)} />}
      {deleting && (
        <Removal
          title={`Delete ${deleting.name}?`}
          action="Delete schedule"
          run={() => oncall.remove(deleting.schedule_id)}
          onDone={refresh}
          onClose={() => setDeleting(null)}
        >
          <p>
            Its layers, overrides and calendar links go with it. Escalation levels that told its person tell nobody in
            its place. This can’t be undone.
          </p>
        </Removal>
      )}
    </>
  );
}
