import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useMemo } from 'react';
import { createBrowserRouter, Navigate, RouterProvider, type RouteObject } from 'react-router';
import { api, type DeviceFilter } from './api/customer';
import { ApiError } from './api/errors';
import { people } from './api/people';
import type { CallerKind } from './auth/kind';
import { wasCustomer } from './auth/known';
import { myPermissionsKey } from './auth/permissions';
import { SessionProvider, useSession } from './auth/session';
import { PageError } from './shell/page-error';
import { lazyPart } from './lib/lazy-part';
import { startPage } from './lib/start-page';
import { Shell } from './shell/shell';

const Home = lazyPart(() => import('./features/home/home-page'));
const Devices = lazyPart(() => import('./features/devices/devices-page'));
const Device = lazyPart(() => import('./features/device/device-page'));
const Import = lazyPart(() => import('./features/import/import-page'));
const Wizard = lazyPart(() => import('./features/wizard/wizard-page'));
const Provisioning = lazyPart(() => import('./features/provisioning/provisioning-page'));
const MqttClient = lazyPart(() => import('./features/mqtt/mqtt-page'));
const Start = lazyPart(() => import('./features/start/start-page'));
const Alerts = lazyPart(() => import('./features/alerts/alerts-page'));
const Maintenance = lazyPart(() => import('./features/maintenance/maintenance-page'));
const DigestSettings = lazyPart(() => import('./features/settings/digest-page'));
const Groups = lazyPart(() => import('./features/groups/groups-page'));
const Group = lazyPart(() => import('./features/groups/group-page'));
const Sites = lazyPart(() => import('./features/sites/sites-page'));
const Site = lazyPart(() => import('./features/sites/site-page'));
const FleetMap = lazyPart(() => import('./features/map/map-page'));
const Templates = lazyPart(() => import('./features/templates/templates-page'));
const Template = lazyPart(() => import('./features/templates/template-page'));
const Rules = lazyPart(() => import('./features/rules/rules-page'));
const RuleEditor = lazyPart(() => import('./features/rules/rule-editor'));
const Metrics = lazyPart(() => import('./features/metrics/metrics-page'));
const Sensors = lazyPart(() => import('./features/sensors/sensors-page'));
const Jobs = lazyPart(() => import('./features/jobs/jobs-page'));
const JobPage = lazyPart(() => import('./features/jobs/job-page'));
const Updates = lazyPart(() => import('./features/updates/updates-page'));
const CampaignPage = lazyPart(() => import('./features/updates/campaign-page'));
const FirmwarePage = lazyPart(() => import('./features/updates/firmware-page'));
const EscalationPolicies = lazyPart(() => import('./features/escalation/escalation-page'));
const OnCall = lazyPart(() => import('./features/oncall/oncall-page'));
const Tools = lazyPart(() => import('./features/tools/tools-page'));
const Live = lazyPart(() => import('./features/live/live-page'));
const Team = lazyPart(() => import('./features/team/team-page'));
const TeamMember = lazyPart(() => import('./features/team/member-page'));
const Roles = lazyPart(() => import('./features/roles/roles-page'));
const RoleEditor = lazyPart(() => import('./features/roles/role-page'));
const Settings = lazyPart(() => import('./features/settings/settings-layout'));
const Profile = lazyPart(() => import('./features/settings/profile-page'));
const OrganizationSettings = lazyPart(() => import('./features/settings/organization-page'));
const Access = lazyPart(() => import('./features/settings/access-page'));
const Certificates = lazyPart(() => import('./features/certificates/certificates-page'));
const Notifications = lazyPart(() => import('./features/notifications/notifications-page'));
const DeliveryLog = lazyPart(() => import('./features/notifications/delivery-log-page'));
const Carrier = lazyPart(() => import('./features/carriers/carrier-page'));
const RoutesPage = lazyPart(() => import('./features/routes/routes-page'));
const DeadLetters = lazyPart(() => import('./features/dead-letters/dead-letters-page'));
const Subscription = lazyPart(() => import('./features/subscription/subscription-page'));
const Activity = lazyPart(() => import('./features/audit/activity-page'));
const Overview = lazyPart(() => import('./features/operator/overview-page'));
const Tenants = lazyPart(() => import('./features/operator/tenants/tenants-page'));
const Tenant = lazyPart(() => import('./features/operator/tenants/tenant-page'));
const Users = lazyPart(() => import('./features/operator/users/users-page'));
const User = lazyPart(() => import('./features/operator/users/user-page'));
const AllCertificates = lazyPart(
  () => import('./features/operator/certificates/certificates-page'),
);
const AuditLog = lazyPart(() => import('./features/operator/audit/audit-page'));
/** All shared parts in all states; left out of the built application. */
const Kit = import.meta.env.DEV ? lazyPart(() => import('./features/kit/kit-page')) : null;
const Toasts = lazyPart(
  () => import('./ui/toasts'),
  () => null,
);
const NotFound = lazyPart(() => import('./features/misc/not-found-page'));

/** A refusal for want of a permission: what the caller may do is not what was thought, so it is asked anew. */
function onRefusal(error: unknown): void {
  if (error instanceof ApiError && error.permission)
    void queries.invalidateQueries({ queryKey: myPermissionsKey });
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: onRefusal }),
  mutationCache: new MutationCache({ onError: onRefusal }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) =>
        count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (n) => Math.min(4000, 400 * 2 ** n),
    },
  },
});

/** The lists that a page asks for first, as [filter, limit]; the same as in the page, or it asks again. */
const firstLists = (path: string): [DeviceFilter, number][] => {
  if (path === '/app/devices' && location.search === '') return [[{}, 100]];
  if (path === '/app/live')
    return [
      [{ status: 'OFFLINE' }, 6],
      [{ status: 'STALE' }, 6],
      [{ sort: '-last_seen_at' }, 25],
    ];
  if (/^\/app(\/(home)?)?$/.test(path))
    return [
      [{ status: 'OFFLINE' }, 6],
      [{ status: 'STALE' }, 6],
      [{ status: 'ONLINE' }, 12],
    ];
  return [];
};

/**
 * Fetches the first page's code, and what it will ask for first, beside the question who is signed
 * in and not after it. Ends when the code is there.
 */
export async function preload(path: string): Promise<void> {
  const id = /^\/app\/devices\/(?!(?:import|wizard|provisioning)$)([^/]+)/.exec(path)?.[1];
  if (wasCustomer()) {
    const ask = (queryKey: unknown[], queryFn: () => Promise<unknown>) =>
      void queries.prefetchQuery({ queryKey, queryFn, retry: false });
    ask(['sites'], api.sites);
    ask(['getting-started'], api.gettingStarted);
    ask([...myPermissionsKey], people.myPermissions);
    if (id) {
      const device = decodeURIComponent(id);
      ask(['device', device], () => api.device(device));
      ask(['metrics', device], () => api.metrics(device));
    } else {
      ask(['device-summary'], api.summary);
      for (const [filter, limit] of firstLists(path))
        ask(['devices', filter, limit, 0], () => api.devices(filter, limit, 0));
    }
  }
  const page = id
    ? Device
    : path.startsWith('/app/devices')
      ? devicesPage(path)
      : path.startsWith('/app/fleet/getting-started')
        ? Start
        : path.startsWith('/app/live')
          ? Live
          : path.startsWith('/app/operator')
            ? operatorPage(path)
            : Home;
  await page.preload().catch(() => undefined); // the page itself tries again, and tells
}

/** The page of a path among devices that is no device's. */
const devicesPage = (path: string) =>
  path.endsWith('/import')
    ? Import
    : path.endsWith('/wizard')
      ? Wizard
      : path.endsWith('/provisioning')
        ? Provisioning
        : Devices;

/** The page of an operator's path. */
function operatorPage(path: string) {
  const [, room, id] = /^\/app\/operator\/([^/]+)(\/[^/]+)?/.exec(path) ?? [];
  if (room === 'tenants') return id ? Tenant : Tenants;
  if (room === 'users') return id ? User : Users;
  if (room === 'certificates') return AllCertificates;
  return room === 'audit-log' ? AuditLog : Overview;
}

/** Where the application begins, as the person chose. */
const StartPage = () => <Navigate to={startPage()} replace />;

/** Names that mean another page. */
const sameAs = (names: [string, string][]): RouteObject[] =>
  names.map(([path, to]) => ({ path, element: <Navigate to={to} replace /> }));

/** The pages of each kind of caller; another kind's pages do not exist for them. */
const pages: Record<CallerKind, RouteObject[]> = {
  customer: [
    ...sameAs([
      ['dashboard', '/home'],
      ['users', '/team'],
      ['billing', '/subscription'],
      ['ota/campaigns', '/updates'],
      ['alert-rules', '/rules'],
      ['settings/billing', '/subscription'],
    ]),
    { path: '', element: <StartPage /> },
    { path: 'home', element: <Home /> },
    { path: 'live', element: <Live /> },
    { path: 'devices', element: <Devices /> },
    { path: 'devices/import', element: <Import /> },
    { path: 'devices/wizard', element: <Wizard /> },
    { path: 'devices/provisioning', element: <Provisioning /> },
    { path: 'devices/:deviceId', element: <Device /> },
    { path: 'device-groups', element: <Groups /> },
    { path: 'device-groups/:groupId', element: <Group /> },
    { path: 'sites', element: <Sites /> },
    { path: 'sites/:siteId', element: <Site /> },
    { path: 'map', element: <FleetMap /> },
    { path: 'alerts', element: <Alerts /> },
    { path: 'maintenance-windows', element: <Maintenance /> },
    { path: 'sensors', element: <Sensors /> },
    { path: 'rules', element: <Rules /> },
    { path: 'rules/:ruleId', element: <RuleEditor /> },
    { path: 'metrics', element: <Metrics /> },
    { path: 'templates', element: <Templates /> },
    { path: 'templates/:templateId', element: <Template /> },
    { path: 'fleet/getting-started', element: <Start /> },
    { path: 'fleet/tools', element: <Tools /> },
    { path: 'fleet/mqtt-client', element: <MqttClient /> },
    { path: 'jobs', element: <Jobs /> },
    { path: 'jobs/:jobId', element: <JobPage /> },
    { path: 'updates', element: <Updates /> },
    { path: 'ota/campaigns/:campaignId', element: <CampaignPage /> },
    { path: 'ota/firmware', element: <FirmwarePage /> },
    { path: 'escalation-policies', element: <EscalationPolicies /> },
    { path: 'oncall', element: <OnCall /> },
    { path: 'notifications', element: <Notifications /> },
    { path: 'delivery-log', element: <DeliveryLog /> },
    { path: 'team', element: <Team /> },
    { path: 'team/:userId', element: <TeamMember /> },
    { path: 'roles', element: <Roles /> },
    { path: 'roles/:roleId', element: <RoleEditor /> },
    { path: 'activity-log', element: <Activity /> },
    { path: 'integrations', element: <RoutesPage /> },
    { path: 'dead-letter', element: <DeadLetters /> },
    { path: 'subscription', element: <Subscription /> },
    {
      path: 'settings',
      element: <Settings />,
      children: [
        { index: true, element: <Navigate to="organization" replace /> },
        { path: 'general', element: <Navigate to="../organization" replace relative="path" /> },
        { path: 'profile', element: <Profile /> },
        { path: 'organization', element: <OrganizationSettings /> },
        { path: 'access', element: <Access /> },
        { path: 'notifications', element: <DigestSettings /> },
        { path: 'certificates', element: <Certificates /> },
        { path: 'carrier', element: <Carrier /> },
        { path: 'integrations', element: <Navigate to="/integrations" replace /> },
        { path: '*', element: <NotFound /> },
      ],
    },
  ],
  operator: [
    ...sameAs([
      ['', '/operator'],
      ['home', '/operator'],
    ]),
    { path: 'operator', element: <Overview /> },
    { path: 'operator/tenants', element: <Tenants /> },
    { path: 'operator/tenants/:tenantId', element: <Tenant /> },
    { path: 'operator/users', element: <Users /> },
    { path: 'operator/users/:userId', element: <User /> },
    { path: 'operator/certificates', element: <AllCertificates /> },
    { path: 'operator/audit-log', element: <AuditLog /> },
  ],
};

const routerFor = (kind: CallerKind) =>
  createBrowserRouter(
    [
      {
        element: <Shell />,
        errorElement: <PageError whole />,
        children: [
          {
            errorElement: <PageError />,
            children: [
              ...pages[kind],
              ...(Kit ? [{ path: '_kit', element: <Kit /> }] : []),
              { path: '*', element: <NotFound /> },
            ],
          },
        ],
      },
    ],
    { basename: '/app' },
  );

function Pages() {
  const { kind } = useSession();
  const router = useMemo(() => routerFor(kind), [kind]);
  return <RouterProvider router={router} />;
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <SessionProvider>
        <Pages />
      </SessionProvider>
      <Suspense>
        <Toasts />
      </Suspense>
    </QueryClientProvider>
  );
}
