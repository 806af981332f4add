import type { DeadLetter } from '@/api/routes';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { destinationTitle } from '@/features/routes/queries';
import { many } from '@/lib/numbers';
import { Ago } from '@/ui/time';

/** A route's name; ingest has none. */
export const whose = (l: { route_name?: string | null; destination_type: string }): string =>
  l.route_name ?? (l.destination_type === 'ingest' ? 'Storing' : 'A deleted route');

/** What a route could not deliver may be delivered again; what could not be stored may not. */
export const isReplayable = (l: DeadLetter): boolean => l.status === 'FAILED' && l.destination_type !== 'ingest';

export function LetterRow({
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
        className="mt-1 size-4"
        aria-label={`Choose the message of ${l.original_topic}`}
        checked={chosen}
        disabled={!open}
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
          {isReplayable(l) && (
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
