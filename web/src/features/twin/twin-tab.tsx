// What the device should be and what it says it is: side by side, to change, and as it came about.
import { useState } from 'react';
import type { Twin, TwinChange } from '@/api/control';
import type { Device } from '@/api/types';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { DesiredEditor } from './desired-editor';
import { changeWords, DiffTable } from './diff-table';
import { diffRows, type RowState } from './diff';
import { useTwin, useTwinHistory } from './queries';

const sides: Record<RowState, string> = {
  same: 'as desired',
  differs: 'differs',
  'only-left': 'not reported',
  'only-right': 'not desired',
};

/** The state of affairs, in words. */
export function syncWords(twin: Twin): { mark: string; tone: string; words: string } {
  if (twin.sync_status === 'stale')
    return {
      mark: '○',
      tone: 'text-ink-2',
      words:
        'The device was not heard for half an hour, so nobody knows whether this still holds. It gets what is desired when it comes back.',
    };
  if (twin.sync_status === 'synced')
    return { mark: '✓', tone: 'text-online', words: 'The device has applied what is desired.' };
  return twin.reported_version > twin.desired_version
    ? {
        mark: '▲',
        tone: 'text-warning',
        words: `The device reports version ${twin.reported_version}, which was never desired here.`,
      }
    : {
        mark: '…',
        tone: 'text-warning',
        words: `Version ${twin.desired_version} is on its way: the device has not reported it yet.`,
      };
}

function States({ twin }: { twin: Twin }) {
  const [shown, setShown] = useState('all');
  const rows = diffRows(twin.desired, twin.reported);
  const differing = rows.filter((r) => r.state !== 'same');
  const list = shown === 'all' ? rows : differing;
  const sync = syncWords(twin);
  return (
    <Panel
      title="Desired and reported"
      aside={
        <>
          changed <Ago at={twin.shadow_updated_at} />
        </>
      }
    >
      <div className="flex flex-col gap-2 border-b px-3 py-2">
        <p role="status" data-sync={twin.sync_status}>
          <span className={`font-medium ${sync.tone}`}>
            <span aria-hidden="true">{sync.mark} </span>
            {twin.sync_status}
          </span>{' '}
          <span className="text-ink-2">{sync.words}</span>
        </p>
        <div className="flex flex-wrap items-center justify-between gap-2 text-12 text-ink-2">
          <span className="num">
            desired version {twin.desired_version}, reported version {twin.reported_version}
          </span>
          {rows.length > 0 && (
            <Segmented
              label="Members shown"
              value={shown}
              onChange={setShown}
              options={[
                { value: 'all', label: `All ${rows.length}` },
                { value: 'differing', label: `Differing ${differing.length}` },
              ]}
            />
          )}
        </div>
      </div>
      {rows.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          Nothing is desired or reported yet. Write what the device should be, such as{' '}
          <code className="font-mono text-12">{'{"interval_seconds": 60}'}</code>, and save it; the
          device gets it on <code className="font-mono text-12">shadow/desired</code> and answers on{' '}
          <code className="font-mono text-12">shadow/reported</code>.
        </p>
      ) : list.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">Nothing differs.</p>
      ) : (
        <DiffTable
          rows={list}
          left="Desired"
          right="Reported"
          words={sides}
          label="Desired beside reported"
        />
      )}
    </Panel>
  );
}

const by: Record<TwinChange['source'], string> = {
  api: '',
  http: 'the device, by HTTP',
  mqtt: 'the device, by MQTT',
};

function Change({ change }: { change: TwinChange }) {
  const [open, setOpen] = useState(false);
  const rows = diffRows(change.before, change.after).filter((r) => r.state !== 'same');
  return (
    <li className="border-b last:border-b-0" data-change={change.side}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full flex-wrap items-baseline gap-x-3 gap-y-0.5 px-3 py-1.5 text-left hover:bg-surface-2"
      >
        <span className="font-medium">{change.side === 'desired' ? 'Desired' : 'Reported'}</span>
        <span className="num text-ink-2">version {change.version}</span>
        <span className="num text-ink-2">
          {rows.length} {rows.length === 1 ? 'member' : 'members'}
        </span>
        <span className="min-w-0 truncate text-ink-2">{change.actor ?? by[change.source]}</span>
        <span className="ml-auto text-12 text-ink-3">
          <Ago at={change.created_at} />
        </span>
      </button>
      {open && (
        <div className="border-t bg-surface-2">
          <DiffTable
            rows={rows}
            left="Before"
            right="After"
            words={changeWords}
            label={`What version ${change.version} changed`}
          />
        </div>
      )}
    </li>
  );
}

function History({ device }: { device: string }) {
  const history = useTwinHistory(device);
  return (
    <Panel title="History" aside="the latest 50 of each side">
      {history.error && !history.data ? (
        <Failure error={history.error} what="The history" retry={() => void history.refetch()} />
      ) : history.isPending ? (
        <SkeletonRows rows={3} label="Loading the history" />
      ) : history.data!.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          No change yet. Each one is kept here with what was before and after, and by whom.
        </p>
      ) : (
        <ul aria-label="Changes, newest first">
          {history.data!.map((c) => (
            <Change key={c.id} change={c} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

export default function TwinTab({
  device: { device_id: device },
  onDirty,
}: {
  device: Device;
  onDirty: (dirty: boolean) => void;
}) {
  const twin = useTwin(device);
  if (twin.error && !twin.data)
    return (
      <div className="panel">
        <Failure error={twin.error} what="The twin" retry={() => void twin.refetch()} />
      </div>
    );
  if (!twin.data) return <SkeletonRows rows={8} label="Loading the twin" />;
  return (
    <div className="grid gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)] lg:items-start">
      <States twin={twin.data} />
      <DesiredEditor twin={twin.data} onDirty={onDirty} />
      <div className="min-w-0 lg:col-span-2">
        <History device={device} />
      </div>
    </div>
  );
}
