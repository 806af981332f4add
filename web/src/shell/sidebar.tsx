import { useEffect, useState } from 'react';
import { NavLink } from 'react-router';
import { useSession } from '@/auth/session';
import { isDismissed, steps, useGettingStarted } from '@/features/start/queries';
import { cx } from '@/lib/cx';
import { Mark } from '@/ui/icons';
import { navigation, type NavEntry } from './nav';

function useStartShown(): { shown: boolean; done: number } {
  const { tenant } = useSession();
  const { data } = useGettingStarted();
  const [dismissed, setDismissed] = useState(() => isDismissed(tenant));
  useEffect(() => {
    const look = () => setDismissed(isDismissed(tenant));
    window.addEventListener('pulse:start', look);
    return () => window.removeEventListener('pulse:start', look);
  }, [tenant]);
  if (!data) return { shown: false, done: 0 };
  const done = steps(data).filter((s) => s.done).length;
  return { shown: done < 5 && !dismissed && !data.dismissed, done };
}

function Entry({ entry, badge, onGo }: { entry: NavEntry; badge?: string; onGo?: () => void }) {
  return (
    <NavLink
      to={entry.to}
      onClick={onGo}
      className={({ isActive }) =>
        cx(
          'flex h-7.5 items-center justify-between rounded-m px-2',
          isActive
            ? 'bg-accent-soft font-medium text-ink'
            : 'text-ink-2 hover:bg-surface-2 hover:text-ink',
        )
      }
    >
      {entry.label}
      {badge && <span className="num text-11 text-ink-2">{badge}</span>}
    </NavLink>
  );
}

/** Name, organization, and the pages in their groups. */
export function Sidebar({ onGo, onHelp }: { onGo?: () => void; onHelp: () => void }) {
  const { organization } = useSession();
  const start = useStartShown();
  return (
    <div className="flex h-full flex-col overflow-y-auto px-2.5 py-3">
      <div className="mb-3 flex items-center gap-2.5 px-2">
        <Mark />
        <span className="text-15 font-bold">Pulse</span>
      </div>
      <div
        className="mb-3 truncate rounded-m border border-line-strong px-2.5 py-1.5"
        title="Organization"
      >
        {organization}
      </div>
      <nav aria-label="Main" className="flex flex-1 flex-col gap-3">
        {navigation.map((group) => {
          const entries = group.entries.filter((e) => !e.startOnly || start.shown);
          if (entries.length === 0) return null;
          return (
            <div key={group.label ?? ''} className="flex flex-col gap-px">
              {group.label && (
                <h2 className="px-2 pb-1 text-11 font-normal text-ink-3">{group.label}</h2>
              )}
              {entries.map((entry) => (
                <Entry
                  key={entry.to}
                  entry={entry}
                  onGo={onGo}
                  badge={entry.startOnly ? `${start.done} of 5` : undefined}
                />
              ))}
            </div>
          );
        })}
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
