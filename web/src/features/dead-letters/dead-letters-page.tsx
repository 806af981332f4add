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
import { forEach } from '@/lib/for-each';
import { count, many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { isReplayable, LetterRow, whose } from './letter-row';
import { PurgeDialog } from './purge-dialog';
import { pageSize, useLetters, useReasons, useRefreshLetters } from './queries';

const statuses: { value: LetterStatus; label: string }[] = [
  { value: 'FAILED', label: 'Failed' },
  { value: 'REPLAYED', label: 'Replayed' },
  { value: 'DISCARDED', label: 'Discarded' },
];

function Reasons({ onChoose }: { onChoose: (reason: string) => void }) {
  const reasons = useReasons();
  if (reasons.error)
    return <Failure error={reasons.error} what="Reasons" retry={() => void reasons.refetch()} />;
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

/** How many are discarded; throws what went wrong with the first that is not. */
async function discardAll(list: readonly DeadLetter[]): Promise<number> {
  const outcome = await forEach(
    list.map((l) => String(l.id)),
    (id) => letters.discard(Number(id)),
  );
  if (outcome.failed.length > 0) throw outcome.failed[0]!.error;
  return outcome.done.length;
}

type Asking = { discard: DeadLetter[] } | 'purge' | null;

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
  const total = list.data?.total ?? 0;
  const rows = list.data?.messages ?? [];
  const open = rows.filter((l) => l.status === 'FAILED');
  const picked = open.filter((l) => chosen.has(l.id));
  const replayable = picked.filter(isReplayable).map((l) => l.id);
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
            {picked.length > 0 && (
              <GatedButton needs={needs.discardLetter} kind="danger" onClick={() => setAsking({ discard: picked })}>
                Discard {many(picked.length, 'message')}
              </GatedButton>
            )}
            {replayable.length > 0 && (
              <GatedButton
                needs={needs.replayLetter}
                kind="primary"
                busy={replay.isPending}
                onClick={() => replay.mutate(replayable)}
              >
                Replay {many(replayable.length, 'message')}
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
        <Panel
          title="Messages"
          aside={
            open.length > 1 && (
              <label className="inline-flex items-center gap-2">
                <input
                  type="checkbox"
                  className="size-4"
                  checked={picked.length === open.length}
                  onChange={() =>
                    setChosen(picked.length === open.length ? new Set() : new Set(open.map((l) => l.id)))
                  }
                />
                Select all {open.length} shown
              </label>
            )
          }
        >
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
                <LetterRow
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
                  onDiscard={() => setAsking({ discard: [l] })}
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
        <Removal
          title={
            asking.discard.length === 1
              ? `Discard the message of ${asking.discard[0]!.original_topic}?`
              : `Discard ${many(asking.discard.length, 'message')}?`
          }
          action="Discard"
          run={() => discardAll(asking.discard)}
          told={(n) => (n === 1 ? 'The message is discarded' : `${many(n, 'message')} discarded`)}
          onDone={() => {
            setChosen(new Set());
            refresh();
          }}
          onClose={() => setAsking(null)}
        >
          <p>What is discarded stays in the list of discarded ones, and can&apos;t be replayed any more.</p>
        </Removal>
      )}
      {asking === 'purge' && <PurgeDialog onClose={() => setAsking(null)} />}
    </>
  );
}
