import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { Confirm } from './confirm';

/**
 * Asks once, then does what can't be taken back: names what goes, keeps the question open with the
 * reason where it fails, and says when it is done.
 */
export function Removal<R>({
  title,
  action = 'Delete',
  run,
  told,
  onDone,
  onClose,
  children,
}: {
  /** The question, with the name of what goes. */
  title: string;
  /** The word on the button. */
  action?: string;
  run: () => Promise<R>;
  /** What is said when it is done; absent: nothing. */
  told?: string | ((result: R) => string);
  /** What shows it must ask anew. */
  onDone?: (result: R) => void;
  onClose: () => void;
  /** What follows from it, and whether it can be undone. */
  children: ReactNode;
}) {
  const act = useMutation({
    mutationFn: run,
    onSuccess: (result) => {
      const words = typeof told === 'function' ? told(result) : told;
      if (words) toast.success(words);
      onDone?.(result);
      onClose();
    },
  });
  return (
    <Confirm
      title={title}
      action={action}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate()}
      onClose={onClose}
    >
      {children}
    </Confirm>
  );
}
