import { Link, useLocation } from 'react-router';
import { navigation } from './nav';

/** "Setup / Devices / d-17": where the page stands. */
export function Crumbs() {
  const { pathname } = useLocation();
  for (const group of navigation) {
    for (const entry of group.entries) {
      if (pathname !== entry.to && !pathname.startsWith(`${entry.to}/`)) continue;
      const rest = decodeURIComponent(pathname.slice(entry.to.length + 1));
      return (
        <nav aria-label="Breadcrumb" className="flex min-w-0 items-center gap-1.5 truncate text-ink-2">
          {group.label && !rest && (
            <>
              <span className="hidden sm:inline">Fleet</span>
              <span className="hidden sm:inline">/</span>
            </>
          )}
          {rest ? (
            <>
              <Link to={entry.to} className="hover:text-ink hover:underline">
                {entry.label}
              </Link>
              <span aria-hidden="true">/</span>
              <span className="truncate text-ink" aria-current="page">
                {rest}
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
  }
  return <span />;
}
