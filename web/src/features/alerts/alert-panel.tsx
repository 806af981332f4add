import { useState } from 'react';
import { Link } from 'react-router';
import type { Alert, AlertEntry } from '@/api/alerts';
import { asApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { deviceLink } from '@/features/devices/readings';
import { useRule } from '@/features/rules/queries';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { CloseIcon } from '@/ui/icons';
import { LinkedText } from '@/ui/linked-text';
import { ActionError, Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { AskAct, SilenceMenu } from './act-parts';
import { AlertChart } from './alert-chart';
import { useAct, useAlert, useComment, useTimeline } from './queries';
import { Severity, stateOf } from './severity';
import { wordsOf } from './words';

function Actions({ alert: a }: { alert: Alert }) {
  const act = useAct();
  const [asking, setAsking] = useState(false);
  if (a.status === 'CLOSED') return null;
  const target = { ids: [a.alert_id] };
  const close = { action: 'close', target } as const;
  return (
    <div className="flex flex-wrap gap-2">
      {a.status === 'OPEN' && (
        <GatedButton
          needs={needs.acknowledgeAlert}
          kind="primary"
          busy={act.isPending}
          className="max-sm:h-11 max-sm:flex-1"
          onClick={() => act.mutate({ action: 'acknowledge', target })}
        >
          Acknowledge
        </GatedButton>
      )}
      <SilenceMenu
        className="max-sm:h-11"
        onChoose={(minutes) => act.mutate({ action: 'silence', target, minutes })}
      />
      <GatedButton needs={needs.closeAlert} className="max-sm:h-11" onClick={() => setAsking(true)}>
        Close alert
      </GatedButton>
      {asking && (
        <AskAct
          act={close}
          what="this alert"
          busy={act.isPending}
          onConfirm={() => act.mutate(close, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        >
          <p className="text-ink">
            {a.device_name ?? a.device_id}: {a.summary}
          </p>
        </AskAct>
      )}
    </div>
  );
}

/** What the rule says to do, and where to read on. */
function WhatToDo({ rule }: { rule: string }) {
  const description = useRule(rule).data?.description?.trim();
  if (!description) return null;
  return (
    <section aria-label="What to do" className="rounded-m border border-line-strong bg-surface-2 px-3 py-2">
      <h3 className="font-semibold">What to do</h3>
      <LinkedText text={description} />
    </section>
  );
}

function Facts({ alert: a }: { alert: Alert }) {
  const facts: [string, React.ReactNode][] = [
    [
      'Device',
      <Link key="d" to={deviceLink(a.device_id)} className="text-accent hover:underline">
        {a.device_name ?? a.device_id}
      </Link>,
    ],
    [
      'Site',
      a.site_id && (
        <Link
          key="s"
          to={`/sites/${encodeURIComponent(a.site_id)}`}
          className="text-accent hover:underline"
        >
          {a.site_id}
        </Link>
      ),
    ],
    [
      'Rule',
      a.rule_id && a.rule_name ? (
        <Link key="r" to={`/rules/${a.rule_id}`} className="text-accent hover:underline">
          {a.rule_name}
        </Link>
      ) : (
        (a.rule_id ?? 'Built in')
      ),
    ],
    ['Kind', a.alert_type],
    ['Opened', <Ago key="o" at={a.created_at} />],
    [
      'Repeated',
      a.trigger_count > 1 && a.last_triggered_at && (
        <>
          {many(a.trigger_count - 1, 'time')}, the last <Ago at={a.last_triggered_at} />
        </>
      ),
    ],
    ['Acknowledged', a.acknowledged_by && `by ${a.acknowledged_by}`],
    [
      'Silenced until',
      stateOf(a) === 'Silenced' && a.silenced_until && <Ago key="u" at={a.silenced_until} />,
    ],
    ['Escalates', a.next_escalation_at && <Ago key="e" at={a.next_escalation_at} />],
    ['Closed', a.closed_at && <Ago key="c" at={a.closed_at} />],
  ];
  return (
    <dl className="grid grid-cols-[7.5rem_minmax(0,1fr)] gap-x-3 gap-y-0.5">
      {facts
        .filter(([, value]) => Boolean(value))
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd className="num min-w-0 break-words">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function Entry({ entry: e }: { entry: AlertEntry }) {
  const comment = e.event === 'COMMENTED' && typeof e.details.text === 'string';
  return (
    <li className="relative border-l pb-2.5 pl-4 last:pb-0">
      <span
        aria-hidden="true"
        className="absolute top-1.5 -left-1 size-2 rounded-full border border-line-strong bg-surface"
      />
      <p className="flex items-baseline justify-between gap-3">
        <span className={comment ? 'font-medium' : undefined}>{wordsOf(e)}</span>
        <span className="text-12 text-ink-3">
          <Ago at={e.at} />
        </span>
      </p>
      {comment && (
        <p className="break-words whitespace-pre-wrap text-ink-2">{String(e.details.text)}</p>
      )}
    </li>
  );
}

function Timeline({ id }: { id: number }) {
  const timeline = useTimeline(id);
  const comment = useComment(id);
  const [text, setText] = useState('');
  return (
    <section aria-label="Timeline" className="flex flex-col gap-3">
      <h3 className="font-semibold">Timeline</h3>
      {timeline.error && !timeline.data ? (
        <Failure error={timeline.error} what="The timeline" retry={() => void timeline.refetch()} />
      ) : timeline.isPending ? (
        <SkeletonRows rows={3} />
      ) : (
        <ol className="ml-1">
          {timeline.data.map((e) => (
            <Entry key={e.event_id ?? e.event} entry={e} />
          ))}
        </ol>
      )}
      <form
        className="flex flex-col gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          const words = text.trim();
          if (words && !comment.isPending)
            comment.mutate(words, { onSuccess: () => setText('') });
        }}
      >
        <textarea
          aria-label="Comment"
          rows={2}
          maxLength={4000}
          value={text}
          onChange={(e) => setText(e.target.value)}
          placeholder="What you found, what you did"
          className="w-full rounded-m border border-line-strong bg-surface px-2.5 py-1.5 placeholder:text-ink-3"
        />
        <ActionError error={comment.error} />
        <GatedButton
          needs={needs.commentAlert}
          type="submit"
          className="self-end"
          busy={comment.isPending}
          disabled={text.trim() === ''}
        >
          Comment
        </GatedButton>
      </form>
    </section>
  );
}

/** All about one alert, beside the list, or instead of it on a phone. */
export function AlertPanel({ id, onClose }: { id: number; onClose: () => void }) {
  const query = useAlert(id);
  const a = query.data;
  return (
    <aside
      aria-label="Alert"
      className="panel min-w-0 lg:sticky lg:top-15 lg:max-h-[calc(100dvh-5rem)] lg:overflow-y-auto"
    >
      <div className="flex min-h-10 items-center justify-between gap-2 border-b px-3 py-1">
        <span className="flex items-center gap-3">
          {a && <Severity of={a.severity} />}
          {a && <span className="text-ink-2">{stateOf(a)}</span>}
        </span>
        <Button kind="quiet" onClick={onClose} aria-label="Back to the list">
          <span className="lg:hidden">Back</span>
          <CloseIcon />
        </Button>
      </div>
      {!a && query.error ? (
        asApiError(query.error).status === 404 ? (
          <Empty title={`There is no alert ${id}`} />
        ) : (
          <Failure error={query.error} what="The alert" retry={() => void query.refetch()} />
        )
      ) : !a ? (
        <SkeletonRows rows={6} label="Loading alert" />
      ) : (
        <div className="flex flex-col gap-4 p-3">
          <h2 className="text-15 break-words">{a.summary}</h2>
          <Actions alert={a} />
          {a.rule_id && <WhatToDo rule={a.rule_id} />}
          <Facts alert={a} />
          <AlertChart alert={a} />
          <Timeline id={id} />
        </div>
      )}
    </aside>
  );
}
