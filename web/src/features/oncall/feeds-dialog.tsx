import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { oncall, type Feed, type Schedule } from '@/api/oncall';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { CodeBlock } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { Removal } from '@/ui/removal';
import { ActionError, Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useFeeds, useRefreshOncall } from './queries';

function FeedRow({ schedule, feed: f }: { schedule: Schedule; feed: Feed }) {
  const refresh = useRefreshOncall();
  const [asking, setAsking] = useState(false);
  const whose = f.responder ?? 'Everybody';
  return (
    <li className="border-b py-2 last:border-b-0">
      <div className="flex items-center justify-between gap-3">
        <div className="min-w-0">
          <p className="truncate font-medium">{whose}</p>
          <p className="text-12 text-ink-3">
            made <Ago at={f.created_at} />
            {f.created_by && ` by ${f.created_by}`} · read <Ago at={f.last_used_at} />
          </p>
        </div>
        <GatedButton
          needs={needs.makeCalendarLink}
          small
          kind="danger"
          onClick={() => setAsking(true)}
          aria-label={`Revoke the link of ${whose}`}
        >
          Revoke
        </GatedButton>
      </div>
      {asking && (
        <Removal
          title={`Revoke the link of ${whose}?`}
          action="Revoke"
          run={() => oncall.removeFeed(schedule.schedule_id, f.feed_id)}
          told="The link is revoked"
          onDone={refresh}
          onClose={() => setAsking(false)}
        >
          <p>Calendar programs that read it show no shifts any more. The same link can’t be made again.</p>
        </Removal>
      )}
    </li>
  );
}

/** Secret links under which calendar programs read a schedule. */
export function FeedsDialog({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const refresh = useRefreshOncall();
  const feeds = useFeeds(schedule.schedule_id);
  const [whose, setWhose] = useState('');
  const people = [...new Set(schedule.layers.flatMap((l) => l.responders))];
  const make = useMutation({
    mutationFn: () => oncall.addFeed(schedule.schedule_id, whose || null),
    onSuccess: refresh,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={make.isSuccess}
      title="Calendar links"
      description="Subscribe to shifts in a calendar program. Whoever has a link can read it."
    >
      <div className="flex flex-col gap-4">
        <div className="flex items-end gap-2">
          <div className="min-w-0 flex-1">
            <SelectField
              label="Shifts of"
              none="Everybody"
              value={whose}
              onChange={setWhose}
              options={people.map((p) => ({ value: p, label: p }))}
            />
          </div>
          <GatedButton
            needs={needs.makeCalendarLink}
            kind="primary"
            busy={make.isPending}
            onClick={() => make.mutate()}
          >
            Make link
          </GatedButton>
        </div>
        <ActionError error={make.error} />
        {make.data && (
          <CodeBlock text={make.data.url} label="Copy it now: it is not shown again" />
        )}
        {feeds.error && !feeds.data ? (
          <Failure error={feeds.error} what="Calendar links" retry={() => void feeds.refetch()} />
        ) : feeds.isPending ? (
          <SkeletonRows rows={2} label="Loading calendar links" />
        ) : feeds.data.length === 0 ? (
          <p className="text-ink-2">No links yet.</p>
        ) : (
          <ul>
            {feeds.data.map((f) => (
              <FeedRow key={f.feed_id} schedule={schedule} feed={f} />
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}
