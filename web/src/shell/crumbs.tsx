import { Link, useLocation } from 'react-router';
import { useSession } from '@/auth/session';
import { useNamed } from './crumb-name';
import { entryAt } from './nav';

/** "Setup / Devices", "Devices / d-17": where the page stands. */
export function Crumbs() {
  const { kind } = useSession();
  const { pathname } = useLocation();
  const name = useNamed(pathname);
  const at = entryAt(kind, pathname);
  if (!at) return <span />;
  const { group, entry } = at;
  // A page that another of its group holds stands under it: Settings / Profile.
  const parent = entry.aside && group.entries.find((e) => entry.to.startsWith(`${e.to}/`));
  const rest = decodeURIComponent(pathname.slice(entry.to.length + 1));
  return (
    <nav aria-label="Breadcrumb" className="flex min-w-0 items-center gap-1.5 truncate text-ink-2">
      {group.label && !rest && (
        <>
          {parent ? (
            <Link to={parent.to} className="hidden hover:text-ink hover:underline sm:inline">
              {parent.label}
            </Link>
          ) : (
            <span className="hidden sm:inline">{group.label}</span>
          )}
          <span aria-hidden="true" className="hidden sm:inline">
            /
          </span>
        </>
      )}
      {rest ? (
        <>
          <Link to={entry.to} className="hover:text-ink hover:underline">
            {entry.label}
          </Link>
          <span aria-hidden="true">/</span>
          <span className="truncate text-ink" aria-current="page">
            {name ?? rest}
          </span>
        </>
      ) : (
        <span className="text-ink" aria-current="page">
          {entry.label}
        </span>
      )}
    </nav>
  );
}
