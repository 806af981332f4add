import { useEffect, useMemo, useRef, useState } from 'react';
import { onRefused, streamProbe, streamUrl, type QuarantineEvent, type TelemetryEvent } from '@/live/hub';
import { LiveSocket, type LiveState } from '@/live/socket';
import { Feed } from './feed';

/** Renders at most once in this time (ms). */
const pace = 300;

/**
 * The telemetry of the whole tenant, by a connection of its own while the page is open. `metric`
 * is the server's filter: only messages that carry it come, and only its value.
 */
export function useFeed(metric: string): { feed: Feed; state: LiveState } {
  // What came through another filter of the server's would mislead here.
  const feed = useMemo(() => new Feed(), [metric]);
  const [state, setState] = useState<LiveState>('connecting');
  const [, renew] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    const soon = () => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        renew((n) => n + 1);
      }, pace);
    };
    const socket = new LiveSocket({
      url: () => streamUrl(metric && `metric=${encodeURIComponent(metric)}`),
      onMessage: (m) => {
        const now = Date.now();
        if (m.type === 'telemetry') feed.stored(m as unknown as TelemetryEvent, now);
        else if (m.type === 'quarantine')
          for (const r of (m.rows ?? []) as QuarantineEvent[])
            feed.refused(r.device_id, r.reason, r.ts, now);
        else return;
        soon();
      },
      onLive: (again) => {
        if (!again) return;
        feed.gap(new Date().toISOString());
        soon();
      },
      onState: setState,
      onRefused,
      probe: streamProbe,
    });
    socket.start();
    // Counts per second go on when nothing comes.
    const tick = setInterval(soon, 1000);
    return () => {
      socket.stop();
      clearInterval(tick);
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [feed, metric]);
  return { feed, state };
}
