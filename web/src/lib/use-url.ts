import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

/** State of a page in its address, so that a reload and a shared link show the same. */
export function useUrl() {
  const [params, setParams] = useSearchParams();
  /**
   * Edits the address's members. What is edited is the address as it stands, not as it was when the page was last
   * drawn: of two changes in quick succession neither takes the other back. `replace` leaves no step to go back to.
   */
  const change = useCallback(
    (edit: (p: URLSearchParams) => void, replace = true) => {
      const next = new URLSearchParams(window.location.search);
      edit(next);
      setParams(next, { replace });
    },
    [setParams],
  );
  /** Sets some members at once; null and '' take them out. */
  const set = useCallback(
    (next: Record<string, string | null | undefined>, replace = true) =>
      change((p) => {
        for (const [name, value] of Object.entries(next))
          if (value) p.set(name, value);
          else p.delete(name);
      }, replace),
    [change],
  );
  return { params, get: (name: string) => params.get(name), set, change };
}
