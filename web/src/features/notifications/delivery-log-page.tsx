// What was sent to whom, and how each attempt went.
import { useState } from 'react';
import { Link } from 'react-router';
import type { DeliveryJob } from '@/api/notifications';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Segmented, SelectField } from '@/ui/field';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { pageSize, useAttempts, useChannels, useDeliveries } from './queries';

const states: Record<DeliveryJob['status'], [string, string]> = {
  COMPLETED: ['✓ delivered', 'text-online'],
  FAILED: ['▲ failed', 'text-critical'],
  PENDING: ['○ waits', 'text-ink-2'],
  PROCESSING: ['◐ being sent', 'text-ink-2'],
};

function Attempts({ job }: { job: number }) {
  const attempts = useAttempts(job);
  if (attempts.error) return <Failure error={attempts.error} what="Attempts" retry={() => void attempts.refetch()} />;
  if (attempts.isPending) return <SkeletonRows rows={1} label="Loading attempts" />;
  if (attempts.data.length === 0) return <p className="mt-1 text-12 text-ink-2">Not tried yet.</p>;
  return (
    <ol className="mt-1 text-12">
      {attempts.data.map((a) => (
        <li key={a.attempt_no} className="flex flex-wrap gap-x-3">
          <span className="num text-ink-2">{a.attempt_no}.</span>
          <span className={a.ok ? 'text-online' : 'text-critical'}>{a.ok ? '✓ taken' : `▲ ${a.error ?? 'failed'}`}</span>
          {a.http_status !== null && <span className="num">HTTP {a.http_status}</span>}
          {a.latency_ms !== null && <span className="num">{count(a.latency_ms)} ms</span>}
          <Ago at={a.started_at} />
        </li>
      ))}
    </ol>
  );
}

function Row({ job: j }: { job: DeliveryJob }) {
  const [open, setOpen] = useState(false);
  const [words, tone] = states[j.status];
  return (
    <li data-delivery={j.job_id} className="border-b px-3 py-2.5 last:border-b-0">
      <div className="grid gap-x-4 gap-y-1 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto]">
        <div className="min-w-0">
          <p className="font-medium break-words">
            {j.channel_name ?? j.address ?? 'A direct message'} {j.channel_type && <Tag>{j.channel_type}</Tag>}
          </p>
          <p className="text-12 text-ink-2">
            {j.deliver_on_event === 'SUMMARY' ? 'Summary, from ' : `${j.deliver_on_event.toLowerCase()}, `}
            <Link className="text-accent underline" to={`/delivery-log?alert=${j.alert_id}`}>
              alert {j.alert_id}
            </Link>{' '}
            · <Ago at={j.created_at} />
          </p>
        </div>
        <div className="min-w-0">
          <p className={tone}>{words}</p>
          {j.last_error && <p className="text-12 break-words text-ink-2">{j.last_error}</p>}
        </div>
        <Button small aria-expanded={open} onClick={() => setOpen(!open)}>
          {many(j.attempts, 'attempt')}
        </Button>
      </div>
      {open && <Attempts job={j.job_id} />}
    </li>
  );
}

export default function DeliveryLogPage() {
  useTitle('Delivery log');
  const url = useUrl();
  const status = url.get('status') ?? '';
  const channel = url.get('channel') ?? '';
  const alert = url.get('alert') ?? '';
  const page = Math.max(0, Number(url.get('page') ?? 0) || 0);
  const channels = useChannels();
  const list = useDeliveries(status, channel, alert, page);
  const filtered = Boolean(status || channel || alert);
  return (
    <>
      <PageHeader title="Delivery log" facts={list.data && many(list.data.total, 'message')} />
      <div className="mb-3 flex flex-wrap items-end gap-3">
        <Segmented
          label="State"
          options={[
            { value: '', label: 'All' },
            { value: 'COMPLETED', label: 'Delivered' },
            { value: 'FAILED', label: 'Failed' },
            { value: 'PENDING', label: 'Waiting' },
          ]}
          value={status}
          onChange={(next) => url.set({ status: next, page: null })}
        />
        <div className="w-48">
          <SelectField
            label="Channel"
            none="All"
            options={(channels.data ?? []).map((c) => ({ value: String(c.channel_id), label: c.name }))}
            value={channel}
            onChange={(next) => url.set({ channel: next, page: null })}
          />
        </div>
        {alert && (
          <Button small onClick={() => url.set({ alert: null, page: null })}>
            Alert {alert} only ✕
          </Button>
        )}
      </div>
      <Panel title="Messages">
        {list.error && !list.data ? (
          <Failure error={list.error} what="The delivery log" retry={() => void list.refetch()} />
        ) : list.isPending ? (
          <SkeletonRows rows={6} label="Loading the delivery log" />
        ) : list.data.jobs.length === 0 ? (
          <Empty title={filtered ? 'Nothing fits' : 'Nothing was sent yet'}>
            {filtered ? (
              'Take a part of the filter out.'
            ) : (
              <>
                Alerts that are{' '}
                <Link className="text-accent underline" to="/notifications?tab=routing">
                  routed
                </Link>{' '}
                to a channel are listed here, with each attempt to deliver them.
              </>
            )}
          </Empty>
        ) : (
          <ul>
            {list.data.jobs.map((j) => (
              <Row key={j.job_id} job={j} />
            ))}
          </ul>
        )}
      </Panel>
      {list.data && list.data.total > pageSize && (
        <div className="mt-3 flex items-center gap-2">
          <Button disabled={page === 0} onClick={() => url.set({ page: String(page - 1) })}>
            Newer
          </Button>
          <Button disabled={(page + 1) * pageSize >= list.data.total} onClick={() => url.set({ page: String(page + 1) })}>
            Older
          </Button>
        </div>
      )}
    </>
  );
}
