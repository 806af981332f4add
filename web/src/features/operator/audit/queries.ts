import { operatorApi, type AuditEvent, type EventFilter, type StaffFilter, type StaffLine } from '@/api/operator';
import { useLines, type LineSource } from '@/lib/use-lines';
import { useStaffPolling } from '../staff';

/** What happened in tenants and on the platform. */
export const useEvents = (filter: EventFilter, limit = 100): LineSource<AuditEvent> =>
  useLines(
    ['operator', 'events', filter, limit],
    (offset, signal) =>
      operatorApi
        .events(filter, limit, offset, signal)
        .then((r) => ({ lines: r.events, total: r.total })),
    useStaffPolling(),
  );

/** What staff did and looked at. */
export const useStaffLog = (filter: StaffFilter, limit = 100): LineSource<StaffLine> =>
  useLines(
    ['operator', 'staff-log', filter, limit],
    (offset, signal) =>
      operatorApi
        .staffLog(filter, limit, offset, signal)
        .then((r) => ({ lines: r.entries, total: r.total })),
    useStaffPolling(),
  );
