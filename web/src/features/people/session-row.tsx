import type { ReactNode } from 'react';
import type { UserSession } from '@/api/people';
import { browserOf } from '@/lib/user-agent';
import { Ago } from '@/ui/time';

/** A place where a person is signed in. */
export function SessionRow({
  session: s,
  current = false,
  action,
}: {
  session: UserSession;
  current?: boolean;
  action?: ReactNode;
}) {
  return (
    <li
      data-session={s.id}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-2 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="truncate" title={s.user_agent}>
          <span className="font-medium">
            {browserOf(s.user_agent) || s.client || 'Unknown client'}
          </span>{' '}
          <span className="font-mono text-12 text-ink-3">{s.ip_address}</span>
          {current && <span className="text-online"> · this browser</span>}
        </p>
        <p className="text-12 text-ink-2">
          last used <Ago at={s.last_used_at} /> · began <Ago at={s.started_at} />
        </p>
      </div>
      {action}
    </li>
  );
}
