import { useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { operatorApi } from '@/api/operator';
import { personLink, tenantLink } from './links';
import { operatorKeys } from './queries';
import { TenantMark } from './tenants/tenant-status';
import { fullName } from './users/person-mark';

/** Tenants and people that the command palette finds for staff. */
export function OperatorResults({
  q,
  group,
  row,
  onGo,
}: {
  q: string;
  group: string;
  row: string;
  onGo: (to: string) => void;
}) {
  const tenants = useQuery({
    queryKey: operatorKeys.tenants,
    queryFn: ({ signal }) => operatorApi.tenants(signal),
    staleTime: 60_000,
  });
  // One letter means everybody; the second asks.
  const people = useQuery({
    queryKey: ['operator', 'palette', q],
    queryFn: ({ signal }) => operatorApi.people({ search: q }, 6, 0, signal),
    enabled: q.length > 1,
    staleTime: 60_000,
  });
  const low = q.toLowerCase();
  const shown = (tenants.data ?? [])
    .filter((t) => t.status !== 'DELETED' || low !== '')
    .filter((t) => t.name.toLowerCase().includes(low) || t.tenant_id.includes(low))
    .slice(0, 6);
  const found = (q.length > 1 && people.data?.users) || [];
  return (
    <>
      {shown.length > 0 && (
        <Command.Group heading="Tenants" className={group}>
          {shown.map((t) => (
            <Command.Item
              key={t.tenant_id}
              value={`tenant ${t.tenant_id}`}
              onSelect={() => onGo(tenantLink(t.tenant_id))}
              className={row}
            >
              <span className="flex min-w-0 items-center gap-2 truncate">
                {t.name}
                <span className="truncate font-mono text-12 text-ink-3">{t.tenant_id}</span>
              </span>
              <TenantMark status={t.status} />
            </Command.Item>
          ))}
        </Command.Group>
      )}
      {found.length > 0 && (
        <Command.Group heading="Users" className={group}>
          {found.map((p) => (
            <Command.Item
              key={p.id}
              value={`user ${p.id}`}
              onSelect={() => onGo(personLink(p.id))}
              className={row}
            >
              <span className="flex min-w-0 items-center gap-2 truncate">
                {fullName(p)}
                <span className="truncate text-12 text-ink-3">{p.email}</span>
              </span>
              <span className="text-12 text-ink-3">{p.tenant_id ?? 'Staff'}</span>
            </Command.Item>
          ))}
        </Command.Group>
      )}
    </>
  );
}
