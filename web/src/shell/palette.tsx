import { useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { useDeferredValue, useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { Dialog as Radix } from 'radix-ui';
import { signOut } from '@/auth/known';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { useAlerts } from '@/features/alerts/queries';
import { Severity } from '@/features/alerts/severity';
import { pageOptions } from '@/features/devices/queries';
import { api } from '@/api/customer';
import { rulesApi } from '@/api/rules';
import { setTheme } from '@/lib/theme';
import { Kbd } from '@/ui/page';
import { StatusMark } from '@/ui/status';
import { OperatorResults } from '@/features/operator/palette-results';
import { pagesOf } from './nav';

const row =
  'flex h-9 cursor-pointer items-center justify-between gap-3 rounded-m px-2.5 aria-selected:bg-accent-soft';
const group =
  '[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-11 [&_[cmdk-group-heading]]:text-ink-3';

function Row({
  value,
  onSelect,
  children,
  aside,
}: {
  value: string;
  onSelect: () => void;
  children: ReactNode;
  aside?: ReactNode;
}) {
  return (
    <Command.Item value={value} onSelect={onSelect} className={row}>
      <span className="flex min-w-0 items-center gap-2 truncate">{children}</span>
      {aside}
    </Command.Item>
  );
}

/** Goes to any page, device, site, alert or rule, and runs actions. */
export default function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const q = useDeferredValue(text.trim());
  const { kind } = useSession();
  const { may } = usePermissions();
  const customer = kind === 'customer';
  const devices = useQuery({
    ...pageOptions(q ? { q } : {}, 8, 0),
    staleTime: 5000,
    enabled: customer,
  });
  const sites = useQuery({ queryKey: ['sites'], queryFn: api.sites, enabled: customer });
  const alerts = useAlerts({ status: 'ACTIVE', sort: '-severity', ...(q ? { q } : {}) }, 5, customer);
  const rules = useQuery({ queryKey: ['alert-rules'], queryFn: rulesApi.list, enabled: customer && q !== '' });
  const low = q.toLowerCase();
  const fits = (...words: string[]) =>
    low === '' || words.some((word) => word.toLowerCase().includes(low));
  const run = (act: () => void) => () => {
    onClose();
    act();
  };
  const go = (to: string) => run(() => void navigate(to));

  const actions: [string, () => void][] = [
    ...(customer
      ? (
          [
            ['Add a device', go('/devices?new=1'), needs.createDevice],
            ['Create a site', go('/sites?new=1'), needs.createSite],
            ['Make an alert rule', go('/rules/new'), needs.createRule],
            ['Add a notification channel', go('/notifications?new=1'), needs.createChannel],
            ['Plan maintenance', go('/maintenance-windows?edit=new'), needs.createMaintenance],
            ['Make an on-call schedule', go('/oncall?new=1'), needs.createSchedule],
            ['Make an escalation policy', go('/escalation-policies?new=1'), needs.createPolicy],
            ['Create a message route', go('/integrations?new=1'), needs.createRoute],
            ['Invite a person', go('/team?invite=1'), needs.invite],
            ['Create a role', go('/roles/new'), needs.roles],
            ['Create an API token', go('/settings/access?new=1'), undefined],
            ['Sign out everywhere', go('/settings/profile#sessions'), undefined],
          ] satisfies [string, () => void, string | undefined][]
        )
          .filter(([, , needed]) => may(needed))
          .map(([label, act]): [string, () => void] => [label, act])
      : ([
          ['Create a tenant', go('/operator/tenants?new=1')],
          ['Create a user', go('/operator/users?new=1')],
        ] satisfies [string, () => void][])),
    ['Use the light theme', run(() => setTheme('light'))],
    ['Use the dark theme', run(() => setTheme('dark'))],
    ["Use the system's theme", run(() => setTheme('system'))],
    ['Show keys', run(onHelp)],
    ['Sign out', run(signOut)],
  ];
  const shownPages = pagesOf(kind, may).filter((p) => fits(p.label));
  const shownSites = (sites.data ?? []).filter((s) => fits(s.name, s.site_id)).slice(0, 6);
  const shownRules = q ? (rules.data ?? []).filter((r) => fits(r.name)).slice(0, 5) : [];
  const shownAlerts = customer ? (alerts.data?.alerts ?? []) : [];
  const shownActions = actions.filter(([label]) => fits(label));
  const shownDevices = devices.data?.devices ?? [];

  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="pop fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          aria-describedby={undefined}
          className="pop fixed inset-x-2 top-[8dvh] z-50 mx-auto max-w-140 overflow-hidden rounded-l border bg-surface shadow-pop"
        >
          <Radix.Title className="sr-only">Search or run a command</Radix.Title>
          <Command shouldFilter={false} label="Search or run a command" loop>
            <Command.Input
              value={text}
              onValueChange={setText}
              placeholder={customer ? 'Device, site, alert, rule, page or action' : 'Tenant, user, page or action'}
              className="h-12 w-full border-b bg-transparent px-4 text-15 outline-none"
            />
            <Command.List className="max-h-[60dvh] overflow-y-auto p-1.5">
              <Command.Empty className="px-2.5 py-6 text-ink-2">
                {devices.isFetching ? 'Searching …' : `Nothing is called “${q}”.`}
              </Command.Empty>
              {shownPages.length > 0 && (
                <Command.Group heading="Pages" className={group}>
                  {shownPages.map((p) => (
                    <Row
                      key={p.to}
                      value={`page ${p.to}`}
                      onSelect={go(p.to)}
                      aside={p.key && <Kbd>g {p.key}</Kbd>}
                    >
                      {p.label}
                    </Row>
                  ))}
                </Command.Group>
              )}
              {!customer && <OperatorResults q={q} group={group} row={row} onGo={(to) => go(to)()} />}
              {shownDevices.length > 0 && (
                <Command.Group heading="Devices" className={group}>
                  {shownDevices.map((d) => (
                    <Row
                      key={d.device_id}
                      value={`device ${d.device_id}`}
                      onSelect={go(`/devices/${encodeURIComponent(d.device_id)}`)}
                      aside={<StatusMark status={d.status} />}
                    >
                      {d.name && d.name !== d.device_id && <span>{d.name}</span>}
                      <span className="truncate font-mono text-12 text-ink-3">{d.device_id}</span>
                    </Row>
                  ))}
                </Command.Group>
              )}
              {shownSites.length > 0 && (
                <Command.Group heading="Sites" className={group}>
                  {shownSites.map((s) => (
                    <Row
                      key={s.site_id}
                      value={`site ${s.site_id}`}
                      onSelect={go(`/sites/${encodeURIComponent(s.site_id)}`)}
                    >
                      {s.name}
                      <span className="font-mono text-12 text-ink-3">{s.site_id}</span>
                    </Row>
                  ))}
                </Command.Group>
              )}
              {shownAlerts.length > 0 && (
                <Command.Group heading="Alerts" className={group}>
                  {shownAlerts.map((a) => (
                    <Row
                      key={a.alert_id}
                      value={`alert ${a.alert_id}`}
                      onSelect={go(`/alerts?status=ACTIVE&alert=${a.alert_id}`)}
                      aside={<Severity of={a.severity} short />}
                    >
                      <span className="truncate">
                        {a.device_name ?? a.device_id} · {a.summary}
                      </span>
                    </Row>
                  ))}
                </Command.Group>
              )}
              {shownRules.length > 0 && (
                <Command.Group heading="Alert rules" className={group}>
                  {shownRules.map((r) => (
                    <Row key={r.rule_id} value={`rule ${r.rule_id}`} onSelect={go(`/rules/${r.rule_id}`)}>
                      {r.name}
                    </Row>
                  ))}
                </Command.Group>
              )}
              {shownActions.length > 0 && (
                <Command.Group heading="Actions" className={group}>
                  {shownActions.map(([label, act]) => (
                    <Row key={label} value={`action ${label}`} onSelect={act}>
                      {label}
                    </Row>
                  ))}
                </Command.Group>
              )}
            </Command.List>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
