import { useSession } from '@/auth/session';
import { usePolling } from '@/live/hooks';

/** What the signed-in operator may do: all may look, only an operator-admin changes. */
export function useStaff(): { admin: boolean; why: string | undefined } {
  const { user } = useSession();
  const admin =
    user.role === 'operator-admin' || (user.realm_access?.roles ?? []).includes('operator-admin');
  return {
    admin,
    why: admin ? undefined : 'Needs the role operator-admin. An operator-admin can give it to you.',
  };
}

/**
 * How often (ms) pages of operators ask again. Never more than twice a minute: each look across tenants
 * leaves a line in the log of platform staff.
 */
export function useStaffPolling(): number | false {
  const polling = usePolling();
  return polling === false ? false : Math.max(polling, 30_000);
}
