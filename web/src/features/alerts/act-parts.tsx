// What is done to alerts, and the question before what can't be taken back.
import type { AlertAction } from '@/api/alerts';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { DownIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import type { Act } from './queries';

const silences = [
  { minutes: 15, label: '15 minutes' },
  { minutes: 60, label: '1 hour' },
  { minutes: 480, label: '8 hours' },
  { minutes: 1440, label: '24 hours' },
];

/** For how long nobody is told. */
export function SilenceMenu({ className, onChoose }: { className?: string; onChoose: (minutes: number) => void }) {
  return (
    <Menu
      trigger={
        <Button className={className}>
          Silence <DownIcon />
        </Button>
      }
    >
      {silences.map((s) => (
        <GatedItem key={s.minutes} needs={needs.silenceAlert} onSelect={() => onChoose(s.minutes)}>
          {s.label}
        </GatedItem>
      ))}
    </Menu>
  );
}

const verbs: Record<AlertAction, string> = {
  acknowledge: 'Acknowledge',
  close: 'Close',
  silence: 'Silence',
};
const consequences: Record<AlertAction, string> = {
  acknowledge: 'Their escalation ends: whoever acknowledges takes care of them.',
  close: 'Closed alerts stay closed: where the value is still bad, its next breach opens a new one.',
  silence: 'Nobody is told of them meanwhile.',
};

/** What an action is asked for before it is done: closing is for good, and a filter may find more than is seen. */
export const isAskedFor = ({ action, target }: Act): boolean => action === 'close' || 'filter' in target;

/** The question. `what`: "3 alerts", "all 1,204 alerts that match", "this alert". */
export function AskAct({
  act,
  what,
  busy,
  onConfirm,
  onClose,
  children,
}: {
  act: Act;
  what: string;
  busy: boolean;
  onConfirm: () => void;
  onClose: () => void;
  /** What they are, where they are few. */
  children?: React.ReactNode;
}) {
  return (
    <Confirm
      title={`${verbs[act.action]} ${what}?`}
      action={verbs[act.action]}
      danger={act.action === 'close'}
      busy={busy}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      {children}
      <p>{consequences[act.action]}</p>
    </Confirm>
  );
}
