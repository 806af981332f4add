import { Dialog as Radix } from 'radix-ui';
import { Suspense, useEffect, useState } from 'react';
import { Outlet, useLocation, useNavigate } from 'react-router';
import { takePath } from '@/auth/return-path';
import { useMissing } from '@/auth/missing';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { lazyPart } from '@/lib/lazy-part';
import { useKeys } from '@/lib/use-keys';
import { Button } from '@/ui/button';
import { CloseIcon, MenuIcon, SearchIcon } from '@/ui/icons';
import { Kbd } from '@/ui/page';
import { Skeleton } from '@/ui/states';
import { Crumbs } from './crumbs';
import { useLiveCache } from './live-cache';
import { LiveMark } from './live-mark';
import { pagesOf } from './nav';
import { Sidebar } from './sidebar';

const Palette = lazyPart(() => import('./palette'));
const Help = lazyPart(() => import('./help'));
const NowOnCall = lazyPart(
  () => import('@/features/oncall/now-on-call'),
  () => null,
);
const MissingDialog = lazyPart(() => import('@/features/people/missing-dialog'));
// The menu's parts are heavy and not needed for the first paint.
const UserMenu = lazyPart(
  () => import('./user-menu'),
  () => null,
);

function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading page" className="flex flex-col gap-4">
      <Skeleton className="h-7 w-48" />
      <Skeleton className="h-40" />
    </div>
  );
}

/** Live data of a tenant: only who belongs to one has it. */
function LiveData() {
  useLiveCache();
  return null;
}

/** The frame around every page; its entries and its live data depend on who is signed in. */
export function Shell() {
  const { kind } = useSession();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [sheet, setSheet] = useState(false);
  const missing = useMissing();
  const { may } = usePermissions();

  useEffect(() => {
    const wanted = takePath();
    if (wanted) void navigate(wanted, { replace: true });
  }, [navigate]);

  useKeys({
    'mod+k': () => setPalette((open) => !open),
    '?': () => setHelp(true),
    '/': () => {
      const field = document.querySelector<HTMLElement>('[data-search]');
      if (field) field.focus();
      else setPalette(true);
    },
    ...Object.fromEntries(
      pagesOf(kind, may).filter((p) => p.key).map((p) => [`g ${p.key}`, () => void navigate(p.to)]),
    ),
  });

  return (
    <div className="min-h-dvh md:grid md:grid-cols-[224px_minmax(0,1fr)]">
      {kind === 'customer' && <LiveData />}
      <a
        href="#content"
        className="sr-only z-50 rounded-m bg-accent px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <aside className="sticky top-0 hidden h-dvh border-r bg-surface md:block">
        <Sidebar onHelp={() => setHelp(true)} />
      </aside>
      <div className="flex min-h-dvh min-w-0 flex-col">
        <header className="sticky top-0 z-30 flex h-11 items-center justify-between gap-3 border-b bg-surface px-3 sm:px-5">
          <div className="flex min-w-0 items-center gap-2">
            <Button
              kind="quiet"
              small
              aria-label="Menu"
              className="md:hidden"
              onClick={() => setSheet(true)}
            >
              <MenuIcon />
            </Button>
            <Crumbs />
          </div>
          <div className="flex items-center gap-2.5">
            <button
              type="button"
              onClick={() => setPalette(true)}
              className="flex h-8 items-center justify-between gap-3 rounded-m border border-line-strong bg-surface-2 px-2 text-ink-3 sm:w-64"
            >
              <span className="max-sm:sr-only">Search or run a command</span>
              <span className="sm:hidden">
                <SearchIcon />
              </span>
              <span className="hidden sm:inline">
                <Kbd>Ctrl K</Kbd>
              </span>
            </button>
            {kind === 'customer' && (
              <Suspense>
                <NowOnCall />
              </Suspense>
            )}
            {kind === 'customer' && <LiveMark />}
            <Suspense fallback={<span className="size-7 rounded-full bg-surface-2" />}>
              <UserMenu />
            </Suspense>
          </div>
        </header>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 px-3 py-4 outline-none sm:px-5">
          <Suspense key={pathname.split('/')[1]} fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <Radix.Root open={sheet} onOpenChange={setSheet}>
        <Radix.Portal>
          <Radix.Overlay className="pop fixed inset-0 z-40 bg-black/45" />
          <Radix.Content
            aria-describedby={undefined}
            className="pop fixed inset-y-0 left-0 z-50 w-64 border-r bg-surface"
          >
            <Radix.Title className="sr-only">Pages</Radix.Title>
            <Radix.Close asChild>
              <Button kind="quiet" small aria-label="Close" className="absolute top-2 right-2">
                <CloseIcon />
              </Button>
            </Radix.Close>
            <Sidebar
              onGo={() => setSheet(false)}
              onHelp={() => {
                setSheet(false);
                setHelp(true);
              }}
            />
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
      <Suspense>
        {palette && <Palette onClose={() => setPalette(false)} onHelp={() => setHelp(true)} />}
        {help && <Help onClose={() => setHelp(false)} />}
        {missing && <MissingDialog permission={missing} />}
      </Suspense>
    </div>
  );
}
