// What the signed-in person may do. The server decides; here it is known beforehand, so that pages
// offer what works and say why something does not.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { people } from '@/api/people';
import { useSession } from './session';

/** Key of the question; asked anew when roles change. */
export const myPermissionsKey = ['my-permissions'] as const;
const kept = 'pulse.permissions';

interface Answer {
  permissions: string[];
  roles: string[];
}
interface Kept extends Answer {
  email: string;
}

/** What this person could do when last asked: the sidebar need not wait for the answer. */
function remembered(email: string): Answer | undefined {
  try {
    const value = JSON.parse(localStorage.getItem(kept) ?? 'null') as Kept | null;
    return value?.email === email && Array.isArray(value.permissions) ? value : undefined;
  } catch {
    return undefined;
  }
}

export interface Permissions {
  /** False until the first answer; the server refuses what is not allowed anyway. */
  known: boolean;
  /** Names of the person's roles. */
  roles: readonly string[];
  held: ReadonlySet<string>;
  /** Whether the person holds this permission; true without one. */
  may: (permission: string | undefined) => boolean;
}

const nothing: ReadonlySet<string> = new Set();

/** What the signed-in person may do. Platform staff belong to no tenant: nothing is asked for them. */
export function usePermissions(): Permissions {
  const { kind, user } = useSession();
  const customer = kind === 'customer';
  const { data, isPlaceholderData } = useQuery({
    queryKey: myPermissionsKey,
    queryFn: people.myPermissions,
    enabled: customer,
    staleTime: 60_000,
    placeholderData: () => remembered(user.email),
  });
  useEffect(() => {
    if (!data || isPlaceholderData) return;
    try {
      localStorage.setItem(kept, JSON.stringify({ ...data, email: user.email } satisfies Kept));
    } catch {
      /* storage may be full or off; the next page then waits for the answer */
    }
  }, [data, isPlaceholderData, user.email]);
  return useMemo(() => {
    const held = data ? new Set(data.permissions) : nothing;
    return {
      known: !customer || data !== undefined,
      roles: data?.roles ?? [],
      held,
      may: (permission) =>
        permission === undefined || !customer || held.has('*') || held.has(permission),
    };
  }, [data, customer]);
}
