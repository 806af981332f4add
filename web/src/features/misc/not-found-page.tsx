import { useState } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { useDevicePage } from '@/features/devices/queries';
import { useSession } from '@/auth/session';
import { pagesOf } from '@/shell/nav';
import { Button } from '@/ui/button';
import { PageHeader } from '@/ui/page';
import { StatusMark } from '@/ui/status';
import { useTitle } from '@/ui/time';

/** An unknown path: says so and offers a search. */
export default function NotFoundPage() {
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const guess = pathname.split('/').filter(Boolean).at(-1) ?? '';
  const [text, setText] = useState(guess.replaceAll('-', ' '));
  const { kind } = useSession();
  const customer = kind === 'customer';
  const found = useDevicePage({ q: text.trim() }, 5, customer && text.trim().length > 1);
  useTitle('Not found');
  return (
    <>
      <PageHeader title="There is no such page" />
      <p className="mb-4 max-w-prose break-all text-ink-2">
        Nothing stands at <code className="font-mono text-12">{pathname}</code>
        {customer ? '. Search for a device, or go to one of the pages.' : ' for you. Go to one of the pages.'}
      </p>
      {customer && (
        <form
          role="search"
          className="mb-4 flex max-w-120 gap-2"
          onSubmit={(e) => {
            e.preventDefault();
            void navigate(`/devices?q=${encodeURIComponent(text.trim())}`);
          }}
        >
          <input
            data-search
            aria-label="Search devices"
            value={text}
            onChange={(e) => setText(e.target.value)}
            className="h-8 min-w-0 flex-1 rounded-m border border-line-strong bg-surface px-2.5"
          />
          <Button type="submit" kind="primary">
            Search
          </Button>
        </form>
      )}
      {(found.data?.devices.length ?? 0) > 0 && (
        <ul className="panel mb-4 max-w-120">
          {found.data!.devices.map((d) => (
            <li key={d.device_id} className="border-b last:border-b-0">
              <Link
                to={`/devices/${encodeURIComponent(d.device_id)}`}
                className="flex h-9 items-center justify-between gap-3 px-3 hover:bg-surface-2"
              >
                <span className="truncate">{d.name ?? d.device_id}</span>
                <StatusMark status={d.status} />
              </Link>
            </li>
          ))}
        </ul>
      )}
      <ul className="flex flex-wrap gap-x-4 gap-y-2">
        {pagesOf(kind).map((p) => (
          <li key={p.to}>
            <Link to={p.to} className="text-accent underline underline-offset-2">
              {p.label}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
