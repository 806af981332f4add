// Which devices are chosen: one by one, from one to another, or all that the filter finds.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { toast } from 'sonner';
import { api, type DeviceFilter } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { BulkTarget } from '@/api/groups';
import type { Device } from '@/api/types';
import { count } from '@/lib/numbers';
import { pageOptions } from './queries';
import { pageSize } from './use-rows';

/** Most devices that can be chosen one by one. */
export const mostSelected = 1000;
/** Most that can be chosen as what a search finds. */
export const mostFound = 10_000;

/** The ids from one place of a list to another, both included, whichever comes first. */
export function idsBetween(
  at: (index: number) => Pick<Device, 'device_id'> | null | undefined,
  a: number,
  b: number,
): string[] {
  const out: string[] = [];
  for (let i = Math.min(a, b); i <= Math.max(a, b); i += 1) {
    const d = at(i);
    if (d) out.push(d.device_id);
  }
  return out;
}

export interface Selection {
  ids: ReadonlySet<string>;
  /** All that this search finds are chosen, more than `ids` could name. */
  whole: { query: string; total: number } | null;
  size: number;
  target: BulkTarget;
  has: (id: string) => boolean;
  /** Adds or removes one; with `extend` all from the last one touched to this get the same. */
  toggle: (id: string, index: number, extend?: boolean) => void;
  /** Chooses everything that the filter finds. */
  all: () => void;
  clear: () => void;
}

export function useSelection(filter: DeviceFilter): Selection {
  const queries = useQueryClient();
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [whole, setWhole] = useState<Selection['whole']>(null);
  const chosen = useRef(ids);
  const anchor = useRef<number | null>(null);
  const key = JSON.stringify(filter);
  useEffect(() => {
    chosen.current = ids;
  }, [ids]);
  // Places mean something else in another list.
  useEffect(() => {
    anchor.current = null;
    setWhole(null);
  }, [key]);

  const put = useCallback((some: readonly string[], on: boolean) => {
    const next = new Set(chosen.current);
    for (const id of some) {
      if (!on) next.delete(id);
      else if (next.size < mostSelected) next.add(id);
    }
    if (on && some.some((id) => !next.has(id)))
      toast(`At most ${count(mostSelected)} devices can be selected at once`);
    chosen.current = next;
    setIds(next);
  }, []);
  const failed = (error: unknown) => toast.error(`Not selected: ${asApiError(error).message}`);

  const toggle = useCallback(
    (id: string, index: number, extend = false) => {
      setWhole(null); // from here on one by one
      const on = !chosen.current.has(id);
      const from = anchor.current;
      anchor.current = index;
      if (!extend || from === null) {
        put([id], on);
        return;
      }
      // Rows between that were never on the screen are asked for.
      const first = Math.floor(Math.min(from, index) / pageSize);
      const last = Math.min(Math.floor(Math.max(from, index) / pageSize), first + mostSelected / pageSize);
      const wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i);
      void Promise.all(
        wanted.map((page) => queries.fetchQuery(pageOptions(filter, pageSize, page * pageSize))),
      ).then((pages) => {
        const at = (i: number) =>
          pages[Math.floor(i / pageSize) - first]?.devices[i % pageSize];
        put(idsBetween(at, from, index), on);
      }, failed);
    },
    [filter, put, queries],
  );
  const all = useCallback(() => {
    void api.devices(filter, mostSelected, 0).then((page) => {
      const listed = page.total <= mostSelected;
      if (page.total > mostFound)
        toast(`${count(page.total)} devices are more than the ${count(mostFound)} that can be changed at once`);
      if (!listed && page.total <= mostFound) setWhole({ query: filter.q ?? '', total: page.total });
      chosen.current = new Set(listed ? page.devices.map((d) => d.device_id) : []);
      setIds(chosen.current);
    }, failed);
  }, [filter]);
  const clear = useCallback(() => {
    anchor.current = null;
    chosen.current = new Set();
    setIds(chosen.current);
    setWhole(null);
  }, []);
  return {
    ids,
    whole,
    size: whole?.total ?? ids.size,
    target: whole ? { query: whole.query } : { device_ids: [...ids] },
    has: (id) => whole !== null || ids.has(id),
    toggle,
    all,
    clear,
  };
}
