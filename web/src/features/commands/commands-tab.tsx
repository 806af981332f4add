// Commands of a device: send, watch, try again.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { control, type Command, type CommandStatus } from '@/api/control';
import type { Device } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { clock, utc } from '@/lib/time';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { ActionError, Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { commandsKey, useCommands, useDefinitions } from './queries';
import { SendForm } from './send-form';
import { complaint, stepsOf } from './steps';

const statuses = ['queued', 'delivered', 'missed', 'expired'] as const;
const page = 25;
const most = 200;

function statusOf(c: Command): [string, string] {
  if (c.cancelled_at && c.status === 'expired') return ['✕ cancelled', 'text-ink-2'];
  const failed = complaint(c);
  if (failed) return [`▲ ${failed}`, 'text-critical'];
  if (c.status === 'delivered') return ['✓ delivered', 'text-online'];
  if (c.status === 'queued') return ['… queued', 'text-warning'];
  return [`▲ ${c.status}`, 'text-critical'];
}

function Row({ device, command: c }: { device: string; command: Command }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const done = (words: string) => () => {
    toast.success(words);
    void queries.invalidateQueries({ queryKey: commandsKey(device) });
  };
  const retry = useMutation({
    mutationFn: () => control.retry(device, c.command_id),
    onSuccess: done(`“${c.command_type}” is sent again`),
  });
  const cancel = useMutation({
    mutationFn: () => control.cancel(device, c.command_id),
    onSuccess: done(`“${c.command_type}” is cancelled`),
  });
  const [words, tone] = statusOf(c);
  const params = Object.keys(c.command_params).length > 0 ? JSON.stringify(c.command_params) : '';
  return (
    <li className="border-b last:border-b-0" data-command={c.status}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full flex-wrap items-baseline gap-x-3 gap-y-0.5 px-3 py-1.5 text-left hover:bg-surface-2"
      >
        <span className="font-medium">{c.command_type}</span>
        <span className={tone}>{words}</span>
        <span className="max-w-full min-w-0 truncate font-mono text-12 text-ink-2">{params}</span>
        <span className="ml-auto text-12 text-ink-3">
          <Ago at={c.created_at} />
        </span>
      </button>
      {open && (
        <div className="flex flex-col gap-2 border-t bg-surface-2 px-3 py-2">
          <ol aria-label="What became of it" className="flex flex-col gap-0.5 border-l-2 pl-3">
            {stepsOf(c).map((s) => (
              <li key={s.name} className="flex flex-wrap justify-between gap-x-3">
                <span>
                  {s.name} <span className="text-ink-2">{s.words}</span>
                </span>
                {s.at && (
                  <time className="num text-ink-2" title={utc(s.at)}>
                    {clock(s.at)}
                  </time>
                )}
              </li>
            ))}
            {c.status === 'queued' && (
              <li className="flex flex-wrap justify-between gap-x-3 text-ink-2">
                <span>Expires</span>
                <time className="num" title={utc(c.expires_at)}>
                  {clock(c.expires_at)}
                </time>
              </li>
            )}
          </ol>
          {params && (
            <pre className="font-mono text-12 break-words whitespace-pre-wrap">
              {JSON.stringify(c.command_params, null, 1)}
            </pre>
          )}
          {c.ack_details?.details != null && (
            <div>
              <p className="text-ink-2">The device said</p>
              <pre className="font-mono text-12 break-words whitespace-pre-wrap">
                {JSON.stringify(c.ack_details.details, null, 1)}
              </pre>
            </div>
          )}
          <ActionError error={retry.error ?? cancel.error} />
          <div className="flex flex-wrap items-center justify-between gap-2">
            <CopyValue text={c.command_id} name="command id" />
            {c.status === 'queued' ? (
              <GatedButton
                needs={needs.cancelCommand}
                small
                kind="danger"
                busy={cancel.isPending}
                onClick={() => cancel.mutate()}
              >
                Cancel
              </GatedButton>
            ) : (
              <GatedButton
                needs={needs.retryCommand}
                small
                busy={retry.isPending}
                onClick={() => retry.mutate()}
              >
                Send again
              </GatedButton>
            )}
          </div>
        </div>
      )}
    </li>
  );
}

function History({ device }: { device: string }) {
  const { get, set } = useUrl();
  const wanted = get('command_status');
  const status = statuses.find((s) => s === wanted) ?? null;
  const [limit, setLimit] = useState(page);
  const commands = useCommands(device, status, limit);
  const list = commands.data ?? [];
  return (
    <Panel title="Sent commands">
      <div className="border-b px-3 py-2">
        <Segmented
          label="Status"
          value={status ?? 'all'}
          onChange={(v) => set({ command_status: v === 'all' ? null : (v as CommandStatus) })}
          options={[{ value: 'all', label: 'All' }, ...statuses.map((s) => ({ value: s, label: s }))]}
        />
      </div>
      {commands.error && !commands.data ? (
        <Failure error={commands.error} what="Commands" retry={() => void commands.refetch()} />
      ) : commands.isPending ? (
        <SkeletonRows rows={4} label="Loading commands" />
      ) : list.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          {status
            ? `None is ${status}.`
            : 'None yet. One that you send shows here at once, with each step to its acknowledgement.'}
        </p>
      ) : (
        <>
          <ul aria-label="Commands, newest first">
            {list.map((c) => (
              <Row key={c.command_id} device={device} command={c} />
            ))}
          </ul>
          {list.length === limit && limit < most && (
            <div className="border-t px-3 py-2">
              <Button
                small
                busy={commands.isFetching}
                onClick={() => setLimit(Math.min(most, limit + 50))}
              >
                Show more
              </Button>
            </div>
          )}
        </>
      )}
    </Panel>
  );
}

export default function CommandsTab({ device }: { device: Device }) {
  const template = device.template?.id ?? device.template_id ?? null;
  const definitions = useDefinitions(template);
  return (
    <div className="grid gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,3fr)] lg:items-start">
      {template !== null && definitions.isPending ? (
        <div className="panel">
          <SkeletonRows rows={4} label="Loading the template's commands" />
        </div>
      ) : (
        <SendForm
          key={device.device_id}
          device={device.device_id}
          definitions={definitions.data ?? []}
        />
      )}
      <History device={device.device_id} />
    </div>
  );
}
