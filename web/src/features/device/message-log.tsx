// The device's messages with their stages, newest first, tailing live.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api } from '@/api/customer';
import type { Message, MessagePage } from '@/api/types';
import { usePolling, useQuarantineEvents, useSubscribed, useTelemetry } from '@/live/hooks';
import { cx } from '@/lib/cx';
import { clock, utc } from '@/lib/time';
import { Button } from '@/ui/button';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { explain } from './reasons';

const head = 40;

/** Joins pages of messages, newest first, each once. */
export function joinMessages(newer: Message[], older: Message[]): Message[] {
  const seen = new Set(newer.map((m) => String(m.id)));
  return [...newer, ...older.filter((m) => !seen.has(String(m.id)))];
}

/** Long sequence numbers by their end, which is what changes. */
const shortSeq = (seq: number) => (seq > 9_999_999 ? `…${String(seq).slice(-5)}` : String(seq));

export interface Stage {
  name: string;
  at: string | null;
  words: string;
}

/** How a message that is not stored ended: refused by a rule of ours, or by the database. */
const refusal = (m: Message) => (m.status === 'dead_letter' ? 'Dead letter' : 'Quarantined');

/**
 * What became of a message, step by step. A refused one has no time of its own: what it says of
 * itself was not believed.
 */
export function stagesOf(m: Message): Stage[] {
  const received = { name: 'Received', at: m.received_at, words: '' };
  if (m.status !== 'stored')
    return [received, { name: refusal(m), at: null, words: m.reason ?? 'without a reason' }];
  const after = m.latency_ms === null ? '' : `after ${Math.round(m.latency_ms)} ms`;
  return [
    ...(m.time ? [{ name: 'Measured', at: m.time, words: '' }] : []),
    received,
    { name: 'Stored', at: m.stored_at, words: m.stored_at ? after : 'not yet' },
  ];
}

/** Values as they were sent. JSON has no infinity: of a number that is too large a null is kept. */
export function metricsText(m: Message): string | null {
  if (!m.metrics) return null;
  const text = JSON.stringify(m.metrics, null, 1);
  return m.status === 'quarantined' && m.reason === 'METRIC_VALUE_INVALID'
    ? text.replace(/: null(,?)$/gm, ': (no number that can be stored)$1')
    : text;
}

function MessageRow({ message: m, fresh }: { message: Message; fresh: boolean }) {
  const [open, setOpen] = useState(false);
  const refused = m.status !== 'stored';
  const metrics = metricsText(m);
  // Of a refused message 0 means that no sequence was read.
  const seq = refused && m.seq === 0 ? null : m.seq;
  return (
    <li className={cx('border-b last:border-b-0', fresh && 'fresh')} data-message={m.status}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full flex-wrap items-baseline gap-x-1.5 px-3 py-1 text-left font-mono text-12 hover:bg-surface-2"
      >
        <span className="text-ink-3" title={utc(m.received_at)}>
          {clock(m.received_at)}
        </span>
        <span>
          {m.msg_type}
          {seq !== null && (
            <span className="text-ink-2" title={`Sequence ${seq}`}>
              {' '}
              #{shortSeq(seq)}
            </span>
          )}
        </span>
        <span className={refused ? 'text-critical' : 'text-online'}>
          {refused ? `▲ ${refusal(m).toLowerCase()}` : '✓ stored'}
        </span>
        {m.latency_ms !== null && <span className="text-ink-2">{Math.round(m.latency_ms)} ms</span>}
        {refused && m.reason && <span className="break-all text-critical">{m.reason}</span>}
      </button>
      {open && (
        <div className="flex flex-col gap-2 bg-surface-2 px-3 py-2 text-12">
          {refused && explain(m.reason) && <p>{explain(m.reason)}</p>}
          <dl>
            {stagesOf(m).map((s) => (
              <div key={s.name} className="flex justify-between gap-3">
                <dt>{s.name}</dt>
                <dd className="num min-w-0 text-right break-all">
                  {s.at && <time title={utc(s.at)}>{clock(s.at)}</time>} {s.words}
                </dd>
              </div>
            ))}
          </dl>
          {metrics && <pre className="font-mono text-12 break-words whitespace-pre-wrap">{metrics}</pre>}
        </div>
      )}
    </li>
  );
}

export function MessageLog({ device }: { device: string }) {
  const queries = useQueryClient();
  const polling = usePolling();
  const [paused, setPaused] = useState(false);
  const [older, setOlder] = useState<MessagePage | null>(null);
  const [loading, setLoading] = useState(false);
  const [olderError, setOlderError] = useState<unknown>(null);
  const known = useRef<Set<string> | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const log = useQuery({
    queryKey: ['messages', device],
    queryFn: () => api.messages(device, head),
    refetchInterval: paused ? false : polling,
  });
  // Each arrival asks for the newest once more, at most every 0.7 s: the stages come from the
  // server's trace and not from a guess here.
  const tail = () => {
    if (paused) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void queries.invalidateQueries({ queryKey: ['messages', device] });
    }, 700);
  };
  useTelemetry([device], tail);
  useSubscribed(device, tail);
  useQuarantineEvents((rows) => {
    if (rows.some((r) => r.device_id === device)) tail();
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );

  const messages = joinMessages(log.data?.messages ?? [], older?.messages ?? []);
  const before = older ? older.next_before : (log.data?.next_before ?? null);
  const seen = known.current;
  const fresh = new Set(seen ? messages.map((m) => String(m.id)).filter((id) => !seen.has(id)) : []);
  useEffect(() => {
    if (log.data) known.current = new Set(messages.map((m) => String(m.id)));
  });

  const loadOlder = async () => {
    if (before === null) return;
    setLoading(true);
    setOlderError(null);
    try {
      const page = await api.messages(device, 100, String(before));
      setOlder((old) => ({ ...page, messages: joinMessages(old?.messages ?? [], page.messages) }));
    } catch (error) {
      setOlderError(error);
    } finally {
      setLoading(false);
    }
  };

  return (
    <Panel
      title="Messages"
      aside={
        <Button small kind="quiet" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Paused, go on' : 'Tailing, pause'}
        </Button>
      }
    >
      {log.error && !log.data ? (
        <Failure error={log.error} what="The message log" retry={() => void log.refetch()} />
      ) : log.isPending ? (
        <SkeletonRows rows={6} label="Loading messages" />
      ) : messages.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          No message yet. The Connect tab has a command that sends one; it shows here at once, also
          when it is refused.
        </p>
      ) : (
        <>
          <ul className="max-h-96 overflow-y-auto" aria-label="Messages, newest first" tabIndex={0}>
            {messages.map((m) => (
              <MessageRow key={m.id} message={m} fresh={fresh.has(String(m.id))} />
            ))}
            {before !== null && (
              <li className="p-2">
                <Button small busy={loading} onClick={() => void loadOlder()}>
                  Older messages
                </Button>
              </li>
            )}
          </ul>
          {olderError !== null && (
            <Failure error={olderError} what="Older messages" retry={() => void loadOlder()} />
          )}
        </>
      )}
    </Panel>
  );
}
