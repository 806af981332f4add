import { useMutation, useQueryClient } from '@tanstack/react-query';
import { people, type Preferences } from '@/api/people';
import { useChannels } from '@/features/notifications/queries';
import { peopleKeys } from '@/features/people/queries';
import { CheckField } from '@/ui/check-field';
import { Panel } from '@/ui/page';
import { ActionError, Failure, SkeletonRows } from '@/ui/states';
import { mostOwnChannels, ownChannels, withOwnChannel } from './own-channels';

/** By what the caller is told while on call: channels of the organization, or email. */
export function OwnChannels({ preferences }: { preferences: Preferences }) {
  const queries = useQueryClient();
  const channels = useChannels();
  const list = channels.data ?? [];
  const prefs = preferences.notification_prefs;
  const chosen = ownChannels(prefs).filter((id) => list.some((c) => c.channel_id === id));
  const save = useMutation({
    mutationFn: ({ id, on }: { id: number; on: boolean }) =>
      people.changePreferences({
        notification_prefs: withOwnChannel(prefs, id, on, list.map((c) => c.channel_id)),
      }),
    onSuccess: (next) => queries.setQueryData(peopleKeys.preferences, next),
  });
  return (
    <Panel title="While you are on call">
      {channels.error && !channels.data ? (
        <Failure error={channels.error} what="Channels" retry={() => void channels.refetch()} />
      ) : channels.isPending ? (
        <SkeletonRows rows={2} label="Loading channels" />
      ) : (
        <div className="flex flex-col gap-2 p-3">
          <p className="text-ink-2">
            {list.length === 0
              ? 'You are told by email. Channels of your organization can be chosen here once there are some.'
              : chosen.length === 0
                ? 'You are told by email. Choose channels to be told by those instead.'
                : 'You are told by the chosen channels, and by email only when none of them is enabled.'}
          </p>
          {list.map((c) => (
            <CheckField
              key={c.channel_id}
              label={c.name}
              help={c.is_enabled ? c.channel_type : `${c.channel_type}, disabled`}
              checked={chosen.includes(c.channel_id)}
              onChange={(on) => {
                if (!on || chosen.length < mostOwnChannels) save.mutate({ id: c.channel_id, on });
              }}
            />
          ))}
          <ActionError error={save.error} />
        </div>
      )}
    </Panel>
  );
}
