import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense } from 'react';
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router';
import { ApiError } from './api/errors';
import { SessionProvider } from './auth/session';
import { PageError } from './shell/page-error';
import { lazyPart } from './lib/lazy-page';
import { Shell } from './shell/shell';

const load = {
  home: () => import('./features/home/home-page'),
  devices: () => import('./features/devices/devices-page'),
  device: () => import('./features/device/device-page'),
  start: () => import('./features/start/start-page'),
};
const Home = lazyPart(load.home);
const Devices = lazyPart(load.devices);
const Device = lazyPart(load.device);
const Start = lazyPart(load.start);
const Sites = lazyPart(() => import('./features/sites/sites-page'));
const Site = lazyPart(() => import('./features/sites/site-page'));
const Templates = lazyPart(() => import('./features/templates/templates-page'));
const Tools = lazyPart(() => import('./features/tools/tools-page'));
/** All shared parts in all states; left out of the built application. */
const Kit = import.meta.env.DEV ? lazyPart(() => import('./features/kit/kit-page')) : null;
const Toasts = lazyPart(() => import('./ui/toasts'));
const NotFound = lazyPart(() => import('./features/misc/not-found-page'));

/** Fetches the first page's code beside the question who is signed in, not after it. */
function preload(path: string): void {
  const page = /^\/app\/devices\/./.test(path)
    ? load.device
    : path.startsWith('/app/devices')
      ? load.devices
      : path.startsWith('/app/fleet/getting-started')
        ? load.start
        : load.home;
  page().catch(() => undefined); // the page itself tries again, and tells
}
preload(location.pathname);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) =>
        count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (n) => Math.min(4000, 400 * 2 ** n),
    },
  },
});

/** Legacy names that mean one of our pages. */
const sameAs: [string, string][] = [
  ['', '/home'],
  ['dashboard', '/home'],
];

const router = createBrowserRouter(
  [
    {
      element: <Shell />,
      errorElement: <PageError whole />,
      children: [
        {
          errorElement: <PageError />,
          children: [
            ...sameAs.map(([path, to]) => ({ path, element: <Navigate to={to} replace /> })),
            { path: 'home', element: <Home /> },
            { path: 'devices', element: <Devices /> },
            { path: 'devices/:deviceId', element: <Device /> },
            { path: 'sites', element: <Sites /> },
            { path: 'sites/:siteId', element: <Site /> },
            { path: 'templates', element: <Templates /> },
            { path: 'fleet/getting-started', element: <Start /> },
            { path: 'fleet/tools', element: <Tools /> },
            ...(Kit ? [{ path: '_kit', element: <Kit /> }] : []),
            { path: '*', element: <NotFound /> },
          ],
        },
      ],
    },
  ],
  { basename: '/app' },
);

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <SessionProvider>
        <RouterProvider router={router} />
      </SessionProvider>
      <Suspense>
        <Toasts />
      </Suspense>
    </QueryClientProvider>
  );
}
