// Integrations: the routes by which messages of devices reach other systems.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { routes, type MessageRoute } from '@/api/routes';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { destinationTitle, destinationWords, routesShown, useRefreshRoutes, useRoutes } from './queries';
import { RouteDialog } from './route-dialog';
import { Tester } from './tester';
import { useTest } from './use-test';

function Row({
  route: r,
  onEdit,
  onDelete,
}: {
  route: MessageRoute;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const refresh = useRefreshRoutes();
  const turn = useMutation({
    mutationFn: () => routes.update(r.id, { is_enabled: !r.is_enabled }),
    onSuccess: () => {
      toast.success(`${r.name} is ${r.is_enabled ? 'disabled' : 'enabled'}`);
      refresh();
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  const test = useTest();
  return (
    <li
      data-route={r.name}
      className="grid gap-x-4 gap-y-2 border-b px-3 py-2.5 last:border-b-0 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto]"
    >
      <div className="min-w-0">
        <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
          {r.name}
          {!r.is_enabled && <Tag>disabled</Tag>}
        </h3>
        <p className="font-mono text-12 break-all text-ink-2">{r.topic_filter}</p>
        {r.payload_filter && (
          <p className="font-mono text-12 break-all text-ink-2">{JSON.stringify(r.payload_filter)}</p>
        )}
      </div>
      <div className="min-w-0">
        <p>{destinationTitle(r.destination_type)}</p>
        <p className="font-mono text-12 break-all text-ink-2">{destinationWords(r)}</p>
        <p className="num text-12 text-ink-2">
          {r.queued_count > 0 && `${count(r.queued_count)} waiting `}
          {r.failed_count > 0 && (
            <Link to={`/dead-letter?route=${r.id}`} className="text-critical hover:underline">
              ▲ {many(r.failed_count, 'dead letter')}
            </Link>
          )}
        </p>
      </div>
      <div className="flex flex-wrap items-start gap-1.5">
        <GatedButton needs={needs.testRoute} small busy={test.isPending} onClick={() => test.mutate(r)}>
          Send a sample
        </GatedButton>
        <GatedButton needs={needs.editRoute} small onClick={onEdit}>
          Edit
        </GatedButton>
        <GatedButton needs={needs.editRoute} small busy={turn.isPending} onClick={() => turn.mutate()}>
          {r.is_enabled ? 'Disable' : 'Enable'}
        </GatedButton>
        <GatedButton needs={needs.deleteRoute} small kind="danger" onClick={onDelete}>
          Delete
        </GatedButton>
      </div>
    </li>
  );
}

type Asking = { what: 'edit' | 'delete'; route: MessageRoute } | null;

export default function RoutesPage() {
  useTitle('Integrations');
  const { get, set } = useUrl();
  const search = get('q') ?? '';
  const refresh = useRefreshRoutes();
  const list = useRoutes(search);
  const [asking, setAsking] = useState<Asking>(null);
  const add = (
    <GatedButton needs={needs.createRoute} kind="primary" onClick={() => set({ new: '1' })}>
      Create route
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Integrations"
        actions={
          <>
            <CopyCall path={callPath('/message-routes', { limit: routesShown })} />
            {add}
          </>
        }
      />
      <p className="mb-3 max-w-prose text-ink-2">
        Routes forward messages of your devices as they come: to a webhook, to another topic, into a database
        of your own. What a destination does not take in three tries is kept under{' '}
        <Link to="/dead-letter" className="text-accent underline">
          Dead letters
        </Link>
        .
      </p>
      <div className="grid gap-3">
        <Panel
          title="Routes"
          aside={
            <SearchField
              label="Search routes"
              placeholder="Name or filter"
              value={search}
              onChange={(q) => set({ q })}
            />
          }
        >
          {list.error && !list.data ? (
            <Failure error={list.error} what="Routes" retry={() => void list.refetch()} />
          ) : list.isPending ? (
            <SkeletonRows rows={3} label="Loading routes" />
          ) : list.data.routes.length === 0 ? (
            <Empty title={search ? 'No route like this' : 'No route yet'} action={search ? undefined : add}>
              {search ? undefined : 'Create one, and try a message on it below before a device sends one.'}
            </Empty>
          ) : (
            <ul>
              {list.data.routes.map((r) => (
                <Row
                  key={r.id}
                  route={r}
                  onEdit={() => setAsking({ what: 'edit', route: r })}
                  onDelete={() => setAsking({ what: 'delete', route: r })}
                />
              ))}
              {list.data.total > list.data.routes.length && (
                <li className="px-3 py-2 text-ink-2">
                  {count(list.data.total - list.data.routes.length)} more: search for them.
                </li>
              )}
            </ul>
          )}
        </Panel>
        <Tester />
      </div>
      {get('new') === '1' && <RouteDialog route={null} onClose={() => set({ new: null })} />}
      {asking?.what === 'edit' && <RouteDialog route={asking.route} onClose={() => setAsking(null)} />}
      {asking?.what === 'delete' && (
        <Removal
          title={`Delete ${asking.route.name}?`}
          run={() => routes.remove(asking.route.id)}
          told="The route is deleted"
          onDone={refresh}
          onClose={() => setAsking(null)}
        >
          <p>
            {asking.route.queued_count > 0
              ? `${many(asking.route.queued_count, 'message')} that wait for it are dropped. `
              : ''}
            Its dead letters stay, but can&apos;t be replayed any more.
          </p>
        </Removal>
      )}
    </>
  );
}
