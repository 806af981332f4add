// Whether this browser was signed in: only then is there a session to renew or to end.
const key = 'pulse.signed-in';

export const wasSignedIn = (): boolean => localStorage.getItem(key) === '1';

export function noteSignedIn(on: boolean): void {
  if (on) localStorage.setItem(key, '1');
  else localStorage.removeItem(key);
}

/** Leaves; the server clears the session and comes back to the sign-in page. */
export function signOut(): void {
  noteSignedIn(false);
  location.assign('/logout');
}
