import { useEffect, useState } from 'react';
import { Link, useLocation } from 'react-router';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { isDismissed, steps, useGettingStarted } from '@/features/start/queries';
import { useOpenAlertCount } from '@/features/alerts/count';
import { cx } from '@/lib/cx';
import { count } from '@/lib/numbers';
import { Mark } from '@/ui/icons';
import { entryAt, navigationOf, type NavEntry } from './nav';

/** Getting started: there until all is done or it was dismissed. */
function StartEntry({ entry, onGo }: { entry: NavEntry; onGo?: () => void }) {
  const { tenant } = useSession();
  const { data } = useGettingStarted();
  const [dismissed, setDismissed] = useState(() => isDismissed(tenant));
  useEffect(() => {
    const look = () => setDismissed(isDismissed(tenant));
    window.addEventListener('pulse:start', look);
    return () => window.removeEventListener('pulse:start', look);
  }, [tenant]);
  if (!data) return null;
  const all = steps(data);
  const done = all.filter((s) => s.done).length;
  if (done === all.length || dismissed || data.dismissed) return null;
  return <Entry entry={entry} onGo={onGo} badge={`${done} of ${all.length}`} />;
}

/** Alerts: with how many are open. */
function AlertsEntry({ entry, onGo }: { entry: NavEntry; onGo?: () => void }) {
  const open = useOpenAlertCount();
  return <Entry entry={entry} onGo={onGo} badge={open.data ? count(open.data) : undefined} />;
}

function Entry({ entry, badge, onGo }: { entry: NavEntry; badge?: string; onGo?: () => void }) {
  const { kind } = useSession();
  const { pathname } = useLocation();
  const at = entryAt(kind, pathname)?.entry;
  const active = at === entry || (at?.aside && at.to.startsWith(`${entry.to}/`));
  return (
    <Link
      to={entry.to}
      onClick={onGo}
      aria-current={active ? 'page' : undefined}
      className={cx(
        'flex h-7.5 items-center justify-between rounded-m px-2',
        active
          ? 'bg-accent-soft font-medium text-ink'
          : 'text-ink-2 hover:bg-surface-2 hover:text-ink',
      )}
    >
      {entry.label}
      {badge && <span className="num text-11 text-ink-2">{badge}</span>}
    </Link>
  );
}

/** Name, organization, and the pages in their groups. */
export function Sidebar({ onGo, onHelp }: { onGo?: () => void; onHelp: () => void }) {
  const { organization, kind } = useSession();
  const { may } = usePermissions();
  return (
    <div className="flex h-full flex-col overflow-y-auto px-2.5 py-3">
      <div className="mb-4 flex items-start gap-2.5 px-2">
        <span className="mt-px">
          <Mark />
        </span>
        <div className="min-w-0">
          <p className="text-15 leading-5 font-bold">Pulse</p>
          <p className="text-12 leading-4 break-words text-ink-2" title="Organization">
            {organization}
          </p>
        </div>
      </div>
      <nav aria-label="Main" className="flex flex-1 flex-col gap-3">
        {navigationOf(kind).map((group) => (
          <div key={group.label ?? ''} className="flex flex-col gap-px">
            {group.label && (
              <h2 className="px-2 pb-1 text-11 font-normal text-ink-3">{group.label}</h2>
            )}
            {group.entries.filter((e) => !e.aside && may(e.needs)).map((entry) => {
              const As = entry.startOnly ? StartEntry : entry.to === '/alerts' ? AlertsEntry : Entry;
              return <As key={entry.to} entry={entry} onGo={onGo} />;
            })}
          </div>
        ))}
      </nav>
      <button
        type="button"
        onClick={onHelp}
        className="mt-3 flex h-7.5 items-center justify-between rounded-m px-2 text-ink-2 hover:bg-surface-2"
      >
        Help and keys <span className="font-mono text-12 text-ink-3">?</span>
      </button>
    </div>
  );
}
