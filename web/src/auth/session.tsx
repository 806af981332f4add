// Who is signed in. The session lives in the server's cookies; here it is only known and renewed.
import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  type ReactNode,
} from 'react';
import { authStatus, whenSessionEnds } from '@/api/client';
import { asApiError, type ApiError } from '@/api/errors';
import type { AuthStatus, User } from '@/api/types';
import { hub } from '@/live/hub';
import { kindOf, type CallerKind } from './kind';
import { noteSignedIn, wasSignedIn } from './known';
import { margin, renew } from './renew';
import { rememberPath } from './return-path';
import { NoAccessPage, SignInPage } from './sign-in';

interface Session {
  user: User;
  kind: CallerKind;
  /** Empty for those who run the platform. */
  tenant: string;
  /** How often (ms) pages ask while nothing is pushed; the server's choice. */
  refreshMs: number;
  /** Name of the organization for people, else the tenant's id. */
  organization: string;
}

const Context = createContext<Session | null>(null);

/** The signed-in user; only inside the session. */
export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error('useSession outside of a session');
  return session;
}

type Known =
  | { kind: 'loading' }
  | { kind: 'failed'; error: ApiError }
  | { kind: 'out'; ended: boolean }
  | { kind: 'in'; user: User; expiresAt: number; refreshMs: number };

const signedIn = (status: Extract<AuthStatus, { authenticated: true }>): Known => ({
  kind: 'in',
  user: status.user,
  expiresAt: Date.now() + status.expires_in * 1000,
  refreshMs: (status.refresh_seconds ?? 10) * 1000,
});

function organizationName(user: User): string {
  const o = user.organization;
  if (typeof o === 'string' && o) return o;
  if (o && typeof o === 'object') {
    const name = (o as { name?: unknown }).name;
    if (typeof name === 'string' && name) return name;
    const first = Object.keys(o)[0];
    if (first) return first;
  }
  return user.tenant_id ?? 'No organization';
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [known, setKnown] = useState<Known>({ kind: 'loading' });

  const look = useCallback(async () => {
    try {
      const status = await authStatus();
      if (status.authenticated)
        setKnown(signedIn(status));
      else {
        // The access token may have ended while the refresh token still lives.
        const expires = wasSignedIn() ? await renew().catch(() => null) : null;
        const again = expires === null ? null : await authStatus();
        if (again?.authenticated) {
          setKnown(signedIn(again));
          hub.hurry();
        } else setKnown((old) => ({ kind: 'out', ended: old.kind === 'in' }));
      }
    } catch (error) {
      setKnown((old) => (old.kind === 'in' ? old : { kind: 'failed', error: asApiError(error) }));
    }
  }, []);

  useEffect(() => {
    void look();
    // A 401 in the middle: look again once, which renews or shows the sign-in page.
    let looking = false;
    whenSessionEnds(() => {
      if (looking) return;
      looking = true;
      void look()
        .then(() => queries.invalidateQueries({ refetchType: 'active' }))
        .finally(() => {
          looking = false;
        });
    });
    return () => whenSessionEnds(() => {});
  }, [look, queries]);

  const expiresAt = known.kind === 'in' ? known.expiresAt : null;
  useEffect(() => {
    if (expiresAt === null) return;
    const wait = Math.max(5000, expiresAt - Date.now() - margin * 1000);
    const timer = setTimeout(
      () => {
        renew().then(
          (seconds) => {
            setKnown((old) =>
              old.kind === 'in' ? { ...old, expiresAt: Date.now() + seconds * 1000 } : old,
            );
            hub.hurry();
          },
          () => void look(),
        );
      },
      Math.min(wait, 2 ** 31 - 1),
    );
    return () => clearTimeout(timer);
  }, [expiresAt, look]);

  const user = known.kind === 'in' ? known.user : null;
  const refreshMs = known.kind === 'in' ? known.refreshMs : 0;
  const caller = user && kindOf(user);
  useEffect(() => {
    if (user) noteSignedIn(caller ?? 'operator');
    else if (known.kind === 'out') noteSignedIn(null);
  }, [user, caller, known.kind]);
  const session = useMemo(
    () =>
      user &&
      caller && {
        user,
        kind: caller,
        tenant: user.tenant_id ?? '',
        refreshMs,
        organization: caller === 'operator' ? 'Platform operation' : organizationName(user),
      },
    [user, caller, refreshMs],
  );

  if (user && !caller) return <NoAccessPage email={user.email} />;
  if (session) return <Context value={session}>{children}</Context>;
  if (known.kind === 'loading') return <div aria-busy="true" className="min-h-dvh" />;
  if (known.kind === 'out') rememberPath();
  return (
    <SignInPage
      ended={known.kind === 'out' && known.ended}
      error={known.kind === 'failed' ? known.error : null}
      retry={() => void look()}
    />
  );
}
