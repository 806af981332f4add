import { Link } from 'react-router';
import { cx } from '@/lib/cx';

/** The same devices as a list or on a map; the filter goes along. */
export function FleetTabs({ at, query }: { at: 'list' | 'map'; query: string }) {
  const search = query.trim() ? `?q=${encodeURIComponent(query.trim())}` : '';
  const tabs = [
    { key: 'list', label: 'List', to: `/devices${search}` },
    { key: 'map', label: 'Map', to: `/map${search}` },
  ];
  return (
    <nav aria-label="Ways to see devices" className="inline-flex rounded-m border border-line-strong bg-surface">
      {tabs.map((t) => (
        <Link
          key={t.key}
          to={t.to}
          aria-current={t.key === at ? 'page' : undefined}
          className={cx(
            'flex h-7.5 items-center border-r px-2.5 last:border-r-0 focus-visible:-outline-offset-2',
            t.key === at ? 'bg-surface-2 font-medium' : 'text-ink-2 hover:bg-surface-2 hover:text-ink',
          )}
        >
          {t.label}
        </Link>
      ))}
    </nav>
  );
}
