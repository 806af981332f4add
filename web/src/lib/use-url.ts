import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

/** State of a page in its address, so that a reload and a shared link show the same. */
export function useUrl() {
  const [params, setParams] = useSearchParams();
  /** Sets some members at once; null and '' take them out. `replace` leaves no step to go back to. */
  const set = useCallback(
    (next: Record<string, string | null | undefined>, replace = true) =>
      setParams(
        (old) => {
          const out = new URLSearchParams(old);
          for (const [name, value] of Object.entries(next))
            if (value) out.set(name, value);
            else out.delete(name);
          return out;
        },
        { replace },
      ),
    [setParams],
  );
  return { get: (name: string) => params.get(name), set };
}
