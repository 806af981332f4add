import { useEffect, useState, type ReactNode } from 'react';
import type { ApiError } from '@/api/errors';
import { Button } from '@/ui/button';
import { Mark } from '@/ui/icons';
import { Failure } from '@/ui/states';
import { signOut } from './known';
import { mayGoToForm } from './to-form';

const reasons: Record<string, string> = {
  missing_code: 'The sign-in was not completed.',
  missing_state: 'The sign-in was not completed.',
  state_mismatch: 'The sign-in took too long or was started in another window.',
  missing_verifier: 'The sign-in took too long or cookies are blocked.',
  invalid_code: 'The sign-in had ended before it came back.',
  invalid_token: 'The identity service gave a token that Pulse does not accept.',
};

function Outside({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <div className="w-full max-w-95 rounded-l border bg-surface p-8 shadow-pop">
        <div className="mb-6 flex items-center gap-2.5">
          <Mark />
          <span className="text-15 font-bold">Pulse</span>
        </div>
        <h1 className="mb-2">{title}</h1>
        <p className="mb-5 text-ink-2">{text}</p>
        {children}
      </div>
    </main>
  );
}

/**
 * Shown when nobody is signed in. Passwords are typed at the identity service, not here: without
 * anything to say, this page gives way to its form at once.
 */
export function SignInPage({
  ended,
  error,
  retry,
}: {
  ended: boolean;
  error: ApiError | null;
  retry: () => void;
}) {
  const reason = new URLSearchParams(location.search).get('error');
  const silent = !ended && !error && !reason;
  const [leaving, setLeaving] = useState(silent);
  useEffect(() => {
    if (!silent) return;
    if (mayGoToForm(Date.now())) location.replace('/login');
    else setLeaving(false);
  }, [silent]);
  if (leaving && silent) return <div aria-busy="true" className="min-h-dvh" />;
  return (
    <Outside
      title="Sign in to your fleet"
      text={
        ended
          ? 'Your session has ended. Sign in again to go on where you were.'
          : 'Live status, telemetry and control of every device that you run.'
      }
    >
      {reason && (
        <p
          role="alert"
          className="mb-4 rounded-m border border-warning bg-warning-soft px-3 py-2 text-warning"
        >
          <span aria-hidden="true">▲ </span>
          {reasons[reason] ?? 'The sign-in failed.'} Please try again.
        </p>
      )}
      {error ? (
        <div className="panel">
          <Failure error={error} what="The sign-in" retry={retry} />
        </div>
      ) : (
        <a
          href="/login"
          className="flex h-10 items-center justify-center rounded-m bg-accent font-semibold text-accent-ink hover:brightness-110"
        >
          Sign in
        </a>
      )}
    </Outside>
  );
}

/** Signed in, but neither of an organization nor of those who run the platform. */
export function NoAccessPage({ email }: { email: string }) {
  return (
    <Outside
      title="Nothing to see yet"
      text={`${email} belongs to no organization. Ask whoever administers yours to invite you.`}
    >
      <Button onClick={signOut}>Sign out</Button>
    </Outside>
  );
}
