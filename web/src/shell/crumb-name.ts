// What the thing is called whose page is open, where its address holds only an id.
import { useEffect, useSyncExternalStore } from 'react';

let named: { path: string; name: string } | null = null;
const listeners = new Set<() => void>();

function tell(next: typeof named): void {
  named = next;
  for (const l of listeners) l();
}

/** Names the open page in the breadcrumb; nothing while the name is not known. */
export function useCrumbName(path: string, name: string | undefined): void {
  useEffect(() => {
    if (!name) return;
    tell({ path, name });
    return () => tell(null);
  }, [path, name]);
}

const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => void listeners.delete(l);
};

/** The name that the page of this path has given. */
export function useNamed(path: string): string | null {
  const now = useSyncExternalStore(subscribe, () => named);
  return now?.path === path ? now.name : null;
}
