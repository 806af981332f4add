import { useEffect } from 'react';
import { useBlocker } from 'react-router';
import { Dialog, DialogForm } from '@/ui/dialog';

/** Asks before another page throws away what is not saved in these tabs. A router has one blocker. */
export function LeaveDialog({ unsaved }: { unsaved: readonly string[] }) {
  const dirty = unsaved.length > 0;
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      dirty && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!dirty) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [dirty]);
  if (blocker.state !== 'blocked') return null;
  return (
    <Dialog open dirty onClose={blocker.reset} title="Leave without saving?">
      <DialogForm
        danger
        submit="Leave"
        busy={false}
        onCancel={blocker.reset}
        onSubmit={blocker.proceed}
      >
        <p className="text-ink-2">The changes in {unsaved.join(' and ')} are not saved.</p>
      </DialogForm>
    </Dialog>
  );
}
