// Integrations: the routes by which messages of devices reach other systems.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { routes, type MessageRoute } from '@/api/routes';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { count, many } from '@/lib/numbers';
import { Confirm } from '@/ui/confirm';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { destinationTitle, destinationWords, routesShown, useRefreshRoutes, useRoutes } from './queries';
import { RouteDialog } from './route-dialog';
import { Tester } from './tester';

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
  const test = useMutation({
    mutationFn: () => routes.test(r.id),
    onSuccess: (result) => {
      if (result.success) toast.success(`${r.name} took the sample in ${Math.round(result.duration_ms)} ms`);
      else toast.error(result.error ?? 'The sample was not taken');
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
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
        <GatedButton needs={needs.testRoute} small busy={test.isPending} onClick={() => test.mutate()}>
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

type Asking = 'add' | { what: 'edit' | 'delete'; route: MessageRoute } | null;

export default function RoutesPage() {
  useTitle('Integrations');
  const [params, setParams] = useSearchParams();
  const search = params.get('q') ?? '';
  const refresh = useRefreshRoutes();
  const list = useRoutes(search);
  const [asking, setAsking] = useState<Asking>(null);
  const remove = useMutation({
    mutationFn: (id: number) => routes.remove(id),
    onSuccess: () => {
      toast.success('The route is deleted');
      setAsking(null);
      refresh();
    },
  });
  const add = (
    <GatedButton needs={needs.createRoute} kind="primary" onClick={() => setAsking('add')}>
      Create route
    </GatedButton>
  );
  const asked = asking === null || asking === 'add' ? null : asking;
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
              onChange={(q) => setParams(q ? { q } : {}, { replace: true })}
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
                  onDelete={() => {
                    remove.reset();
                    setAsking({ what: 'delete', route: r });
                  }}
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
      {(asking === 'add' || asked?.what === 'edit') && (
        <RouteDialog route={asked?.route ?? null} onClose={() => setAsking(null)} />
      )}
      {asked?.what === 'delete' && (
        <Confirm
          title={`Delete ${asked.route.name}?`}
          action="Delete"
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(asked.route.id)}
          onClose={() => setAsking(null)}
        >
          <p>
            {asked.route.queued_count > 0
              ? `${many(asked.route.queued_count, 'message')} that wait for it are dropped. `
              : ''}
            Its dead letters stay, but can&apos;t be replayed any more.
          </p>
        </Confirm>
      )}
    </>
  );
}
