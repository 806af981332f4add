import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { Dialog, DialogForm } from './dialog';

/** What a dialog needs of its form (lib/use-form.ts). */
interface Form {
  dirty: boolean;
  error: unknown;
  setError: (error: unknown) => void;
  check: (faults: Record<string, string | false | undefined>) => boolean;
}

/**
 * A dialog with a form that is saved: it is checked before it is sent, keeps what was typed where the server
 * refuses it and shows why, says when it is done, and closes.
 */
export function FormDialog<R>({
  title,
  description,
  wide,
  submit,
  danger,
  form,
  dirty = form.dirty,
  faults,
  save,
  told,
  onSaved,
  onClose,
  children,
}: {
  title: string;
  description?: ReactNode;
  wide?: boolean;
  /** The word on the button. */
  submit: string;
  danger?: boolean;
  form: Form;
  /** Something was typed that a stray click must not throw away, where the form alone does not know. */
  dirty?: boolean;
  /** What is wrong before it is sent, by field. */
  faults: () => Record<string, string | false | undefined>;
  save: () => Promise<R>;
  /** What is said when it is saved. */
  told: string | ((result: R) => string);
  /** What shows it must ask anew. */
  onSaved: (result: R) => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const send = useMutation({
    mutationFn: save,
    onSuccess: (result) => {
      toast.success(typeof told === 'function' ? told(result) : told);
      onSaved(result);
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog open wide={wide} onClose={onClose} dirty={dirty} title={title} description={description}>
      <DialogForm
        submit={submit}
        danger={danger}
        busy={send.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check(faults())) send.mutate();
        }}
      >
        {children}
      </DialogForm>
    </Dialog>
  );
}
