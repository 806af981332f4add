import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { operatorApi, type Person } from '@/api/operator';
import { many } from '@/lib/numbers';
import { browserOf } from '@/lib/user-agent';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { operatorKeys, useRefreshOperator } from '../queries';
import { useStaff, useStaffPolling } from '../staff';

/** Where a person is signed in; each can be ended, or all at once. */
export function PersonSessions({ person: p }: { person: Person }) {
  const { admin, why } = useStaff();
  const refresh = useRefreshOperator();
  const refetchInterval = useStaffPolling();
  const [all, setAll] = useState(false);
  const sessions = useQuery({
    queryKey: operatorKeys.sessions(p.id),
    queryFn: () => operatorApi.sessions(p.id),
    refetchInterval,
  });
  const end = useMutation({
    mutationFn: (id: string) => operatorApi.endSession(p.id, id),
    onSuccess: () => toast.success('The session is ended'),
    onError: (error) => toast.error(`The session was not ended: ${asApiError(error).message}`),
    onSettled: refresh,
  });
  const endAll = useMutation({
    mutationFn: () => operatorApi.endSessions(p.id),
    onSuccess: () => {
      toast.success(`${p.username} is signed out everywhere`);
      setAll(false);
      refresh();
    },
  });
  const list = sessions.data ?? [];
  return (
    <Panel
      title="Sessions"
      aside={
        list.length > 0 && (
          <Button
            small
            kind="danger"
            disabled={!admin}
            title={why}
            onClick={() => {
              endAll.reset();
              setAll(true);
            }}
          >
            End all
          </Button>
        )
      }
    >
      {sessions.error && !sessions.data ? (
        <Failure error={sessions.error} what="Sessions" retry={() => void sessions.refetch()} />
      ) : sessions.isPending ? (
        <SkeletonRows rows={2} label="Loading sessions" />
      ) : list.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">Signed in nowhere.</p>
      ) : (
        <ul>
          {list.map((s) => (
            <li
              key={s.id}
              data-session={s.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-2 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="truncate" title={s.user_agent}>
                  <span className="font-medium">{browserOf(s.user_agent) || s.client || 'Unknown client'}</span>{' '}
                  <span className="font-mono text-12 text-ink-3">{s.ip_address}</span>
                </p>
                <p className="text-12 text-ink-2">
                  last used <Ago at={s.last_used_at} /> · began <Ago at={s.started_at} />
                </p>
              </div>
              <Button
                small
                disabled={!admin}
                title={why}
                busy={end.isPending && end.variables === s.id}
                onClick={() => end.mutate(s.id)}
              >
                End
              </Button>
            </li>
          ))}
        </ul>
      )}
      {all && (
        <Confirm
          title={`End all sessions of ${p.username}?`}
          action="End all sessions"
          busy={endAll.isPending}
          error={endAll.error}
          onConfirm={() => endAll.mutate()}
          onClose={() => setAll(false)}
        >
          <p>
            {many(list.length, 'session')} and every token that is out are refused at once. They can
            sign in again.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
