import { Suspense } from 'react';
import { NavLink, Outlet } from 'react-router';
import { cx } from '@/lib/cx';
import { Skeleton } from '@/ui/states';

const links = [
  { to: '/settings/profile', label: 'Profile' },
  { to: '/settings/access', label: 'API tokens' },
  { to: '/settings/notifications', label: 'Notifications' },
  { to: '/settings/certificates', label: 'Certificates' },
  { to: '/settings/organization', label: 'Organization' },
  { to: '/settings/carrier', label: 'Carriers' },
];

/** The frame of the settings: their own small navigation beside the page, above it on a phone. */
export default function SettingsLayout() {
  return (
    <div className="md:grid md:grid-cols-[9rem_minmax(0,1fr)] md:gap-8">
      <nav
        aria-label="Settings"
        className="mb-3 flex gap-1 overflow-x-auto border-b pb-2 md:sticky md:top-15 md:mb-0 md:flex-col md:gap-px md:self-start md:border-b-0 md:pb-0"
      >
        {links.map((link) => (
          <NavLink
            key={link.to}
            to={link.to}
            className={({ isActive }) =>
              cx(
                'flex h-7.5 shrink-0 items-center rounded-m px-2 whitespace-nowrap',
                isActive
                  ? 'bg-accent-soft font-medium text-ink'
                  : 'text-ink-2 hover:bg-surface-2 hover:text-ink',
              )
            }
          >
            {link.label}
          </NavLink>
        ))}
      </nav>
      <div className="max-w-220 min-w-0">
        <Suspense fallback={<Skeleton className="h-60" />}>
          <Outlet />
        </Suspense>
      </div>
    </div>
  );
}
