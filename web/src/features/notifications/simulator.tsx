import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { notifications, type AlertTurn } from '@/api/notifications';
import { Button } from '@/ui/button';
import { SelectField, TextField } from '@/ui/field';
import { Panel, Tag } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { kindOf } from './channel-types';
import { obstacleInWords, turns } from './rule-words';

/** What would happen to this alert? */
export function Simulator() {
  const [device, setDevice] = useState('');
  const [type, setType] = useState('THRESHOLD');
  const [severity, setSeverity] = useState('4');
  const [event, setEvent] = useState<AlertTurn>('OPEN');
  const ask = useMutation({
    mutationFn: () =>
      notifications.simulate({ device_id: device.trim(), alert_type: type.trim(), severity: Number(severity), event }),
  });
  const told = ask.data?.filter((r) => r.tells) ?? [];
  return (
    <Panel title="What would happen to this alert?" className="mt-3">
      <form
        className="grid gap-3 p-3 sm:grid-cols-2 lg:grid-cols-5"
        onSubmit={(e) => {
          e.preventDefault();
          if (device.trim() && type.trim()) ask.mutate();
        }}
      >
        <TextField label="Device" value={device} onChange={(e) => setDevice(e.target.value)} placeholder="pump-1" />
        <TextField label="Type of alert" value={type} onChange={(e) => setType(e.target.value)} />
        <SelectField
          label="Severity"
          options={['5', '4', '3', '2', '1'].map((s) => ({ value: s, label: s }))}
          value={severity}
          onChange={setSeverity}
        />
        <SelectField label="It is" options={turns} value={event} onChange={(t) => setEvent(t as AlertTurn)} />
        <div className="flex items-end">
          <Button type="submit" busy={ask.isPending} disabled={!device.trim() || !type.trim()}>
            Look
          </Button>
        </div>
      </form>
      {ask.error && (
        <div className="p-3 pt-0">
          <ActionError error={ask.error} />
        </div>
      )}
      {ask.data && (
        <div className="border-t" role="status">
          <p className="px-3 pt-2.5 font-medium">
            {told.length === 0
              ? 'Nobody would be told.'
              : `Now it would be told to ${[...new Set(told.map((r) => r.channel_name))].join(', ')}.`}
          </p>
          <ul className="px-3 py-2">
            {ask.data.map((r) => (
              <li key={r.rule_id} className="flex flex-wrap items-baseline gap-x-2 py-0.5">
                <span className={r.tells ? 'text-online' : 'text-ink-2'}>{r.tells ? '✓ tells' : '– does not tell'}</span>
                <span>{r.channel_name}</span>
                <Tag>{kindOf(r.channel_type).label}</Tag>
                {r.obstacles.length > 0 && (
                  <span className="text-12 text-ink-2">{r.obstacles.map(obstacleInWords).join('; ')}</span>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}
