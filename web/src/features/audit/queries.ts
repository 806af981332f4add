import { useEffect, useRef } from 'react';
import { people, type AuditEvent, type AuditFilter } from '@/api/people';
import { useLines, type LineSource } from '@/lib/use-lines';
import { useChangeEvents, usePolling } from '@/live/hooks';

/** Events are written a moment after what they tell of. */
const lag = 1500;

/** The organization's events that fit, newest first; more on demand. */
export function useAuditLog(filter: AuditFilter, limit = 100): LineSource<AuditEvent> {
  const source = useLines<AuditEvent>(
    ['audit-log', filter, limit],
    (offset, signal) =>
      people
        .auditLog(filter, limit, offset, signal)
        .then((r) => ({ lines: r.events, total: r.total })),
    usePolling(),
  );
  // What was written anywhere has left a line; only the first page is asked for it by itself.
  const retry = useRef(source.retry);
  retry.current = source.retry;
  const first = source.pages <= 1;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const later = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => retry.current(), lag);
  };
  useChangeEvents(() => {
    if (first) later();
  });
  // And what was done just before the page was opened may have had no line yet.
  useEffect(() => {
    timer.current = setTimeout(() => retry.current(), lag);
    return () => clearTimeout(timer.current);
  }, []);
  return source;
}
