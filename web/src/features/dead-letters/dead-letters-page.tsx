// Messages that could not be delivered or stored: why, and once more.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { letters, type DeadLetter, type LetterFilter, type LetterStatus } from '@/api/routes';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { destinationTitle } from '@/features/routes/queries';
import { count, many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { pageSize, useLetters, useReasons, useRefreshLetters } from './queries';

const statuses: { value: LetterStatus; label: string }[] = [
  { value: 'FAILED', label: 'Failed' },
  { value: 'REPLAYED', label: 'Replayed' },
  { value: 'DISCARDED', label: 'Discarded' },
];

const ageDays = 30;

/** A route's name; ingest has none. */
const whose = (l: { route_name?: string | null; destination_type: string }): string =>
  l.route_name ?? (l.destination_type === 'ingest' ? 'Storing' : 'A deleted route');

function Reasons({ onChoose }: { onChoose: (reason: string) => void }) {
  const reasons = useReasons();
  if (!reasons.data?.length) return null;
  return (
    <Panel title="Reasons">
      <ul>
        {reasons.data.slice(0, 8).map((r) => (
          <li
            key={`${r.route_id ?? ''}${r.destination_type}${r.error_message}`}
            className="grid grid-cols-[4rem_minmax(0,1fr)_auto] gap-x-3 border-b px-3 py-1.5 last:border-b-0"
          >
            <span className="num text-right">{count(r.count)}</span>
            <button
              type="button"
              className="min-w-0 text-left break-words hover:underline"
              onClick={() => onChoose(r.error_message)}
            >
              {whose(r)}: {r.error_message || 'no reason is kept'}
            </button>
            <span className="text-12 text-ink-2">
              <Ago at={r.last_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Row({
  letter: l,
  chosen,
  onChoose,
  onReplay,
  onDiscard,
  busy,
}: {
  letter: DeadLetter;
  chosen: boolean;
  onChoose: () => void;
  onReplay: () => void;
  onDiscard: () => void;
  busy: boolean;
}) {
  const open = l.status === 'FAILED';
  return (
    <li
      data-letter={l.id}
      className="grid gap-x-3 gap-y-1.5 border-b px-3 py-2 last:border-b-0 sm:grid-cols-[auto_minmax(0,1fr)_auto]"
    >
      <input
        type="checkbox"
        className="mt-1"
        aria-label={`Choose the message of ${l.original_topic}`}
        checked={chosen}
        disabled={!open || l.destination_type === 'ingest'}
        onChange={onChoose}
      />
      <div className="min-w-0">
        <p className="flex flex-wrap gap-x-2">
          <span className="font-medium">{whose(l)}</span>
          {l.destination_type !== 'ingest' && (
            <span className="text-ink-2">{destinationTitle(l.destination_type)}</span>
          )}
          <span className="text-ink-2">
            <Ago at={l.created_at} />
          </span>
        </p>
        <p className="break-words text-critical">{l.error_message}</p>
        <details>
          <summary className="cursor-pointer font-mono text-12 break-all text-ink-2">
            {l.original_topic} · {many(l.attempts, 'try', 'tries')}
          </summary>
          <pre
            tabIndex={0}
            aria-label="Payload"
            className="mt-1 max-h-64 overflow-auto rounded-m bg-surface-2 p-2 font-mono text-12"
          >
            {JSON.stringify(l.payload, null, 2)}
          </pre>
        </details>
      </div>
      {open && (
        <div className="flex flex-wrap items-start gap-1.5">
          {l.destination_type !== 'ingest' && (
            <GatedButton needs={needs.replayLetter} small busy={busy} onClick={onReplay}>
              Replay
            </GatedButton>
          )}
          <GatedButton needs={needs.discardLetter} small kind="danger" onClick={onDiscard}>
            Discard
          </GatedButton>
        </div>
      )}
    </li>
  );
}

type Asking = { discard: DeadLetter } | 'purge' | null;

export default function DeadLettersPage() {
  useTitle('Dead letters');
  const [params, setParams] = useSearchParams();
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [asking, setAsking] = useState<Asking>(null);
  const refresh = useRefreshLetters();
  const status = statuses.find((s) => s.value === params.get('status'))?.value ?? 'FAILED';
  const route = Number(params.get('route')) || undefined;
  const search = params.get('q') ?? '';
  const page = Math.max(0, Number(params.get('page')) || 0);
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    if (name !== 'page') next.delete('page');
    setChosen(new Set());
    setParams(next, { replace: true });
  };
  const filter: LetterFilter = {
    status,
    ...(route ? { route_id: route } : {}),
    ...(search ? { search } : {}),
  };
  const list = useLetters(filter, page);
  const replay = useMutation({
    mutationFn: letters.replay,
    onSuccess: ({ replayed, failed, results }) => {
      const error = results.find((r) => r.error)?.error;
      if (replayed > 0) toast.success(`${many(replayed, 'message')} delivered`);
      if (failed > 0) toast.error(`${many(failed, 'message')} not delivered: ${error ?? ''}`);
      setChosen(new Set());
      refresh();
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  const done = (words: string) => {
    toast.success(words);
    setAsking(null);
    refresh();
  };
  const discard = useMutation({
    mutationFn: (l: DeadLetter) => letters.discard(l.id),
    onSuccess: () => done('The message is discarded'),
  });
  const purge = useMutation({
    mutationFn: () => letters.purge(ageDays),
    onSuccess: ({ purged }) => done(`${many(purged, 'dead letter')} removed`),
  });
  const total = list.data?.total ?? 0;
  return (
    <>
      <PageHeader
        title="Dead letters"
        facts={list.data && <span>{count(total)}</span>}
        actions={
          <>
            <CopyCall path={callPath('/dead-letter', { status, limit: pageSize })} />
            <GatedButton needs={needs.purgeLetters} onClick={() => setAsking('purge')}>
              Remove old ones
            </GatedButton>
            {chosen.size > 0 && (
              <GatedButton
                needs={needs.replayLetter}
                kind="primary"
                busy={replay.isPending}
                onClick={() => replay.mutate([...chosen])}
              >
                Replay {many(chosen.size, 'message')}
              </GatedButton>
            )}
          </>
        }
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <Segmented
          label="Status"
          options={statuses}
          value={status}
          onChange={(value) => change('status', value === 'FAILED' ? '' : value)}
        />
        <SearchField
          label="Search dead letters"
          placeholder="Topic or reason"
          value={search}
          onChange={(text) => change('q', text)}
        />
        {route && <Button onClick={() => change('route', '')}>Of all routes</Button>}
      </div>
      <div className="grid gap-3">
        {status === 'FAILED' && !route && !search && <Reasons onChoose={(reason) => change('q', reason)} />}
        <Panel title="Messages">
          {list.error && !list.data ? (
            <Failure error={list.error} what="Dead letters" retry={() => void list.refetch()} />
          ) : list.isPending ? (
            <SkeletonRows rows={4} label="Loading dead letters" />
          ) : list.data.messages.length === 0 ? (
            <Empty title={search || route ? 'Nothing like this' : 'Nothing here'}>
              {status === 'FAILED' && !search
                ? 'Messages that a route could not deliver in three tries wait here to be replayed.'
                : undefined}
            </Empty>
          ) : (
            <ul>
              {list.data.messages.map((l) => (
                <Row
                  key={l.id}
                  letter={l}
                  chosen={chosen.has(l.id)}
                  busy={replay.isPending}
                  onChoose={() => {
                    const next = new Set(chosen);
                    if (!next.delete(l.id)) next.add(l.id);
                    setChosen(next);
                  }}
                  onReplay={() => replay.mutate([l.id])}
                  onDiscard={() => {
                    discard.reset();
                    setAsking({ discard: l });
                  }}
                />
              ))}
            </ul>
          )}
          {total > pageSize && (
            <div className="flex items-center gap-2 border-t px-3 py-2">
              <Button small disabled={page === 0} onClick={() => change('page', String(page - 1))}>
                Newer
              </Button>
              <Button
                small
                disabled={(page + 1) * pageSize >= total}
                onClick={() => change('page', String(page + 1))}
              >
                Older
              </Button>
              <span className="num text-ink-2">
                {count(page * pageSize + 1)} to {count(Math.min(total, (page + 1) * pageSize))}
              </span>
            </div>
          )}
        </Panel>
      </div>
      {asking !== null && asking !== 'purge' && (
        <Confirm
          title="Discard this message?"
          action="Discard"
          busy={discard.isPending}
          error={discard.error}
          onConfirm={() => discard.mutate(asking.discard)}
          onClose={() => setAsking(null)}
        >
          <p>It stays in the list of discarded ones, and can&apos;t be replayed any more.</p>
        </Confirm>
      )}
      {asking === 'purge' && (
        <Confirm
          title={`Remove dead letters older than ${ageDays} days?`}
          action="Remove"
          busy={purge.isPending}
          error={purge.error}
          onConfirm={() => purge.mutate()}
          onClose={() => setAsking(null)}
        >
          <p>Whatever became of them. This can&apos;t be undone.</p>
        </Confirm>
      )}
    </>
  );
}
