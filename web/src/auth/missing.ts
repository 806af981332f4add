// Which permission a person has just been told to lack; the shell shows what it is and who grants it.
import { useSyncExternalStore } from 'react';

let missing: string | null = null;
const listeners = new Set<() => void>();

/** Explains a permission to whom it is missing; null closes the explanation. */
export function explainMissing(permission: string | null): void {
  missing = permission;
  for (const l of listeners) l();
}

const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => void listeners.delete(l);
};

/** The permission that is being explained. */
export const useMissing = (): string | null => useSyncExternalStore(subscribe, () => missing);
