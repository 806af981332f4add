import { useQuery } from '@tanstack/react-query';
import { ApiError, asApiError } from '@/api/errors';
import { useSession } from '@/auth/session';
import { PageHeader, Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';

interface Health {
  status: string;
  checks: Record<string, string>;
}

const names: Record<string, [string, string]> = {
  db: ['PostgreSQL', 'Devices, telemetry and users'],
  nats: ['NATS JetStream', 'Messages between their arrival and PostgreSQL'],
  keycloak: ['Identity service', 'Sign-in and the keys of its tokens'],
  broker: ['MQTT', 'The endpoint of devices'],
  storage: ['Storage', 'Space for messages'],
};

/** The checks of load balancers. They answer 503 with the same body when something is wrong. */
async function health(): Promise<Health> {
  let reply: Response;
  try {
    reply = await fetch('/healthz', { cache: 'no-store' });
  } catch (error) {
    throw asApiError(error);
  }
  const body = (await reply.json().catch(() => null)) as Health | null;
  if (!body?.checks) throw new ApiError(reply.status, 'The health check gave no answer.');
  return body;
}

/** The platform at a glance, for those who run it. */
export default function OperatorOverviewPage() {
  useTitle('Overview');
  const { refreshMs } = useSession();
  const query = useQuery({ queryKey: ['platform-health'], queryFn: health, refetchInterval: refreshMs });
  const bad = Object.values(query.data?.checks ?? {}).filter((word) => word === 'error').length;
  return (
    <>
      <PageHeader
        title="Overview"
        facts={query.data && <span>{bad === 0 ? 'all parts work' : `${bad} in trouble`}</span>}
      />
      <Panel
        title="Parts of the platform"
        className="max-w-205"
        aside={
          query.dataUpdatedAt > 0 && (
            <span>
              asked <Ago at={new Date(query.dataUpdatedAt).toISOString()} />
            </span>
          )
        }
      >
        {query.error && !query.data ? (
          <Failure error={query.error} what="The health" retry={() => void query.refetch()} />
        ) : !query.data ? (
          <SkeletonRows rows={5} />
        ) : (
          <ul>
            {Object.entries(query.data.checks).map(([key, word]) => {
              const [name, what] = names[key] ?? [key, ''];
              const ok = word !== 'error';
              return (
                <li
                  key={key}
                  data-part={key}
                  className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 border-b px-3 py-2 last:border-b-0 sm:grid-cols-[11rem_minmax(0,1fr)_auto]"
                >
                  <span className="font-medium">{name}</span>
                  <span className="text-ink-2 max-sm:row-start-2">{what}</span>
                  <span className={ok ? 'text-online' : 'text-critical'}>
                    <span aria-hidden="true">{ok ? '✓ ' : '▲ '}</span>
                    {ok ? (word === 'ok' ? 'works' : `in another process`) : 'does not answer'}
                  </span>
                </li>
              );
            })}
          </ul>
        )}
      </Panel>
      <p className="mt-3 text-ink-2">
        <a href="/docs" className="text-accent underline underline-offset-2">
          Documentation of the API
        </a>
      </p>
    </>
  );
}
