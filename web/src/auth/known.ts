// Who was signed in here last: whether there is a session to renew, and which pages come first.
import type { CallerKind } from './kind';

const key = 'pulse.signed-in';

/** Whether this browser was signed in: only then is there a session to renew or to end. */
export const wasSignedIn = (): boolean => localStorage.getItem(key) !== null;

/** Whether it was by somebody of a tenant: only then is a tenant's data worth asking for early. */
export const wasCustomer = (): boolean => localStorage.getItem(key) === 'customer';

export function noteSignedIn(kind: CallerKind | null): void {
  if (kind) localStorage.setItem(key, kind);
  else localStorage.removeItem(key);
}

/** Leaves; the server clears the session and comes back to the sign-in form. */
export function signOut(): void {
  noteSignedIn(null);
  location.assign('/logout');
}
