// Dialogs that don't lose input: a click outside closes only when nothing was typed.
import { Dialog as Radix } from 'radix-ui';
import { useMemo, type FormEvent, type ReactNode } from 'react';
import { cx } from '@/lib/cx';
import { rememberFocus } from '@/lib/focus-return';
import { Button } from './button';
import { CloseIcon } from './icons';
import { ActionError } from './states';

export function Dialog({
  open,
  onClose,
  title,
  description,
  dirty = false,
  wide = false,
  children,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  /** Something was typed that a stray click must not throw away. */
  dirty?: boolean;
  wide?: boolean;
  children: ReactNode;
}) {
  // Taken while it opens: the menu whose entry opened it is gone a moment later.
  const giveBack = useMemo(() => (open ? rememberFocus() : null), [open]);
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="pop fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          onInteractOutside={(e) => {
            if (dirty) e.preventDefault();
          }}
          onCloseAutoFocus={(e) => {
            e.preventDefault();
            giveBack?.();
          }}
          {...(description ? {} : { 'aria-describedby': undefined })}
          className={cx(
            'pop fixed z-50 flex max-h-[92dvh] flex-col overflow-hidden rounded-l border bg-surface shadow-pop',
            'inset-x-2 top-[4dvh] mx-auto sm:top-[10dvh] sm:max-h-[80dvh]',
            wide ? 'max-w-180' : 'max-w-120',
          )}
        >
          <div className="flex items-start justify-between gap-4 border-b px-4 py-3">
            <div>
              <Radix.Title className="text-15 font-semibold">{title}</Radix.Title>
              {description && (
                <Radix.Description className="text-ink-2">{description}</Radix.Description>
              )}
            </div>
            <Radix.Close asChild>
              <Button kind="quiet" small aria-label="Close">
                <CloseIcon />
              </Button>
            </Radix.Close>
          </div>
          <div className="min-h-0 overflow-y-auto px-4 py-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A form in a dialog: fields, error, and the two buttons. */
export function DialogForm({
  onSubmit,
  onCancel,
  submit,
  busy,
  error,
  danger,
  children,
}: {
  onSubmit: () => void;
  onCancel: () => void;
  submit: string;
  busy: boolean;
  error?: unknown;
  danger?: boolean;
  children: ReactNode;
}) {
  const send = (e: FormEvent) => {
    e.preventDefault();
    if (!busy) onSubmit();
  };
  return (
    <form onSubmit={send} noValidate className="flex flex-col gap-4">
      {children}
      <ActionError error={error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
          {submit}
        </Button>
      </div>
    </form>
  );
}
