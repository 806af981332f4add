import { authStatus, refreshSession } from '@/api/client';

/** Seconds before the end of the session at which it is renewed. */
export const margin = 60;

async function unlessRenewed(): Promise<number> {
  const status = await authStatus();
  if (status.authenticated && status.expires_in > margin + 5) return status.expires_in;
  return refreshSession();
}

/**
 * Renews the session; answers the seconds until it ends. The refresh token is good for one use,
 * so the windows of a browser take turns, and who comes second finds it done.
 */
export async function renew(): Promise<number> {
  if (navigator.locks) return navigator.locks.request('pulse.renew', unlessRenewed);
  // Without locks (plain http from another host) chance keeps windows apart.
  await new Promise((done) => setTimeout(done, Math.random() * 3000));
  return unlessRenewed();
}
