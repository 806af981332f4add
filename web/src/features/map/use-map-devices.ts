// All devices with a place, read in large pages and kept up to date by what is pushed.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api, type DeviceFilter, type DevicePositions } from '@/api/customer';
import { useChangeEvents, usePolling, useStatusEvents } from '@/live/hooks';
import { Points } from './points';

/** Each page is drawn as it comes. */
const pageSize = 5_000;
/** A large fleet is read anew at most this often (ms), a small one soon after each change. */
const largePace = 60_000;
const smallPace = 3000;
const large = 3000;

export interface Progress {
  points: Points;
  /** How many devices the filter finds, with a place or without. */
  total: number;
}

/** Reads all pages; `onPart` hears after each of them. */
export async function readAll(
  ask: (after: string | undefined) => Promise<DevicePositions>,
  onPart: (part: Progress) => void,
): Promise<Progress> {
  const out: Progress = { points: new Points(), total: 0 };
  let after: string | undefined;
  do {
    const page = await ask(after);
    out.points.add(page);
    out.total = page.total ?? out.total;
    after = page.next ?? undefined;
    onPart({ ...out });
  } while (after !== undefined);
  return out;
}

export function useMapDevices(filter: DeviceFilter) {
  const queries = useQueryClient();
  const polling = usePolling();
  const [part, setPart] = useState<Progress | null>(null);
  const [version, setVersion] = useState(0);
  const key = ['map-devices', filter];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => {
      setPart(null);
      return readAll((after) => api.positions(filter, pageSize, after, signal), setPart);
    },
    // A class with flat arrays: nothing to compare or to share.
    structuralSharing: false,
    staleTime: largePace,
    refetchInterval: (q) =>
      polling && (q.state.data?.total ?? 0) > large ? Math.max(polling, largePace) : polling,
  });
  const shown = query.data ?? part;
  const points = shown?.points ?? none;

  const drawn = useRef<ReturnType<typeof setTimeout>>(undefined);
  const again = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  useStatusEvents((events) => {
    // What is being read may be older than the news.
    part?.points.apply(events);
    if (!points.apply(events) && part?.points !== points) return;
    drawn.current ??= setTimeout(() => {
      drawn.current = undefined;
      setVersion((n) => n + 1);
    }, 250);
  });
  useChangeEvents((e) => {
    if (e.what !== 'devices' || again.current !== undefined) return;
    const pace = (shown?.total ?? 0) > large ? largePace : smallPace;
    again.current = setTimeout(
      () => {
        again.current = undefined;
        last.current = Date.now();
        void queries.invalidateQueries({ queryKey: ['map-devices'] });
      },
      Math.max(500, last.current + pace - Date.now()),
    );
  });
  useEffect(
    () => () => {
      clearTimeout(drawn.current);
      clearTimeout(again.current);
      drawn.current = undefined;
      again.current = undefined;
    },
    [],
  );
  return {
    points,
    /** Changes whenever the points do. */
    version: version + points.version * 1e6,
    total: shown?.total ?? null,
    complete: query.data !== undefined,
    error: query.error,
    retry: () => void query.refetch(),
  };
}

const none = new Points();
