import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { notifications, type AlertTurn, type SimulatedAlert } from '@/api/notifications';
import { useSites } from '@/features/sites/queries';
import { dayAndMinute } from '@/lib/time';
import { Button } from '@/ui/button';
import { SelectField, TextField } from '@/ui/field';
import { Panel, Tag } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { kindOf } from './channel-types';
import { obstacleInWords, simulatedOf, turns, type SimulatorForm } from './rule-words';

const severities = ['5', '4', '3', '2', '1'].map((s) => ({ value: s, label: s }));

/** What would happen to this alert, now or at another time? */
export function Simulator() {
  const [form, setForm] = useState<SimulatorForm>({
    device: '',
    site: '',
    type: 'THRESHOLD',
    severity: '4',
    event: 'OPEN',
    at: '',
  });
  const set = (change: Partial<SimulatorForm>) => setForm((old) => ({ ...old, ...change }));
  const sites = useSites();
  const ask = useMutation({ mutationFn: (alert: SimulatedAlert) => notifications.simulate(alert) });
  const told = ask.data?.filter((r) => r.tells) ?? [];
  const when = ask.variables?.at ? `On ${dayAndMinute(Date.parse(ask.variables.at))}` : 'Now';
  const whole = form.device.trim() !== '' && form.type.trim() !== '';
  return (
    <Panel title="What would happen to this alert?" className="mt-3">
      <form
        className="grid gap-3 p-3 sm:grid-cols-2 lg:grid-cols-4"
        onSubmit={(e) => {
          e.preventDefault();
          if (whole) ask.mutate(simulatedOf(form));
        }}
      >
        <TextField
          label="Device"
          value={form.device}
          onChange={(e) => set({ device: e.target.value })}
          placeholder="pump-1"
        />
        <SelectField
          label="Site"
          none="That of the device"
          options={(sites.data ?? []).map((s) => ({ value: s.site_id, label: s.name }))}
          value={form.site}
          onChange={(site) => set({ site })}
        />
        <TextField label="Type of alert" value={form.type} onChange={(e) => set({ type: e.target.value })} />
        <SelectField
          label="Severity"
          options={severities}
          value={form.severity}
          onChange={(severity) => set({ severity })}
        />
        <SelectField
          label="It is"
          options={turns}
          value={form.event}
          onChange={(event) => set({ event: event as AlertTurn })}
        />
        <TextField
          label="At"
          optional
          type="datetime-local"
          value={form.at}
          onChange={(e) => set({ at: e.target.value })}
          help="Empty: now. For rules with hours."
        />
        <div className="flex items-start pt-5.5">
          <Button type="submit" busy={ask.isPending} disabled={!whole}>
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
              ? `${when === 'Now' ? 'Nobody' : `${when} nobody`} would be told.`
              : `${when} it would be told to ${[...new Set(told.map((r) => r.channel_name))].join(', ')}.`}
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
