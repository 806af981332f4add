import type { ApiError } from '@/api/errors';
import { Mark } from '@/ui/icons';
import { Failure } from '@/ui/states';

const reasons: Record<string, string> = {
  missing_code: 'The sign-in was not completed.',
  missing_state: 'The sign-in was not completed.',
  state_mismatch: 'The sign-in took too long or was started in another window.',
  missing_verifier: 'The sign-in took too long or cookies are blocked.',
  invalid_code: 'The sign-in had ended before it came back.',
  invalid_token: 'The identity service gave a token that Pulse does not accept.',
};

/** Shown when nobody is signed in. Passwords are typed at the identity service, not here. */
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
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <div className="w-full max-w-95">
        <div className="mb-6 flex items-center gap-2.5">
          <Mark />
          <span className="text-15 font-bold">Pulse</span>
        </div>
        <h1 className="mb-2">Sign in to your fleet</h1>
        <p className="mb-5 text-ink-2">
          {ended
            ? 'Your session has ended. Sign in again to go on where you were.'
            : 'Live status, telemetry and control of every device that you run.'}
        </p>
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
      </div>
    </main>
  );
}
