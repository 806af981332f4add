import { useState, type ReactNode } from 'react';
import { Dialog, DialogForm } from './dialog';
import { TextField } from './field';

/**
 * Asks before something that hurts. With `type` the person writes a name first, so that it can't be done
 * to the wrong thing by habit.
 */
export function Confirm({
  title,
  children,
  action,
  type,
  typeLabel = 'Type the name to confirm',
  danger = true,
  busy,
  error,
  onConfirm,
  onClose,
}: {
  title: string;
  /** What will happen, and whether it can be undone. */
  children: ReactNode;
  /** The word on the button. */
  action: string;
  /** What must be typed before it can be pressed. */
  type?: string;
  typeLabel?: string;
  danger?: boolean;
  busy: boolean;
  error?: unknown;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  const [tried, setTried] = useState(false);
  const fits = type === undefined || typed.trim() === type;
  return (
    <Dialog open onClose={onClose} title={title} dirty={typed !== ''}>
      <DialogForm
        submit={action}
        danger={danger}
        busy={busy}
        error={error}
        onCancel={onClose}
        onSubmit={() => {
          setTried(true);
          if (fits) onConfirm();
        }}
      >
        <div className="flex flex-col gap-2 text-ink-2">{children}</div>
        {type !== undefined && (
          <TextField
            label={typeLabel}
            autoFocus
            value={typed}
            onChange={(e) => setTyped(e.target.value)}
            placeholder={type}
            spellCheck={false}
            fault={tried && !fits ? `Type “${type}” as it stands.` : undefined}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}
