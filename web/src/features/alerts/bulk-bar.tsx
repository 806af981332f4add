import type { AlertAction } from '@/api/alerts';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { count, many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { SilenceMenu } from './act-parts';

/** What is done to the selected alerts. */
export function BulkBar({
  chosen,
  everything,
  total,
  whole,
  busy,
  onAct,
  onEverything,
  onClear,
}: {
  /** How many of those shown are selected. */
  chosen: number;
  /** All that the filter finds are meant, seen or not. */
  everything: boolean;
  /** How many the filter finds. */
  total: number;
  /** All that are shown are selected. */
  whole: boolean;
  busy: boolean;
  onAct: (action: AlertAction, minutes?: number) => void;
  onEverything: () => void;
  onClear: () => void;
}) {
  return (
    <div
      role="toolbar"
      aria-label="Selected alerts"
      className="sticky bottom-2 z-20 mt-2 flex flex-wrap items-center gap-2 rounded-m border bg-surface px-3 py-2 shadow-pop"
    >
      <span className="num mr-auto flex flex-wrap items-center gap-x-2" role="status">
        {everything ? `All ${count(total)} alerts that match` : `${many(chosen, 'alert')} selected`}
        {!everything && whole && total > chosen && (
          <Button small kind="quiet" onClick={onEverything}>
            Select all {count(total)} that match
          </Button>
        )}
      </span>
      <GatedButton needs={needs.acknowledgeAlert} kind="primary" busy={busy} onClick={() => onAct('acknowledge')}>
        Acknowledge
      </GatedButton>
      <SilenceMenu onChoose={(minutes) => onAct('silence', minutes)} />
      <GatedButton needs={needs.closeAlert} busy={busy} onClick={() => onAct('close')}>
        Close
      </GatedButton>
      <Button kind="quiet" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
