import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';
import { toast } from 'sonner';
import { updates } from '@/api/updates';
import { useGroups } from '@/features/groups/queries';
import { many } from '@/lib/numbers';
import { useForm } from '@/lib/use-form';
import { useUrl } from '@/lib/use-url';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Segmented, SelectField, TextField } from '@/ui/field';
import { Failure, SkeletonRows } from '@/ui/states';
import { useFirmware, useRefreshCampaigns } from './queries';

const within = (text: string, least: number, most: number) => {
  const n = Number(text);
  return (
    !(text.trim() !== '' && Number.isInteger(n) && n >= least && n <= most) &&
    `A whole number from ${least} to ${most}.`
  );
};

/** Stages as people write them: "5, 25, 100". */
const stagesOf = (text: string) => text.split(',').map((part) => Number(part.trim()));
const stagesFault = (text: string) => {
  const all = stagesOf(text);
  const good =
    all.at(-1) === 100 &&
    all.every((n, i) => Number.isInteger(n) && n >= 1 && n > (i === 0 ? 0 : (all[i - 1] ?? 0)));
  return !good && 'Whole percentages that rise, the last 100: 5, 25, 100.';
};

/** Makes a campaign; it is started on its own page. */
export function NewCampaign({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefreshCampaigns();
  const firmware = useFirmware();
  const groups = useGroups();
  const { params } = useUrl();
  const form = useForm({
    name: '',
    firmware_version_id: params.get('firmware') ?? '',
    target_group_id: '',
    strategy: 'canary',
    stages: '5, 25, 100',
    rollout_rate: '100',
    abort_percent: '10',
    min_results: '10',
    timeout_minutes: '60',
  });
  const v = form.values;
  const versions = firmware.data?.firmware_versions ?? [];
  const version = versions.find((f) => String(f.id) === v.firmware_version_id);
  const group = groups.data?.find((g) => g.group_id === v.target_group_id);
  const name = v.name.trim() || (version && group ? `${version.version} for ${group.name}` : '');
  const save = useMutation({
    mutationFn: () =>
      updates.createCampaign({
        name: name.slice(0, 100),
        firmware_version_id: Number(v.firmware_version_id),
        target_group_id: v.target_group_id,
        rollout_strategy: v.strategy as 'linear' | 'canary',
        stages: v.strategy === 'canary' ? stagesOf(v.stages) : null,
        rollout_rate: Number(v.rollout_rate),
        abort_threshold: Number(v.abort_percent) / 100,
        min_results: Number(v.min_results),
        timeout_minutes: Number(v.timeout_minutes),
      }),
    onSuccess: (made) => {
      toast.success(`${made.name} is ready to be started`);
      refresh();
      void navigate(`/ota/campaigns/${made.id}`);
    },
    onError: form.setError,
  });
  const missing = firmware.error ?? groups.error;
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="New campaign"
      description="Brings firmware to the devices that are in a group now."
    >
      {missing ? (
        <Failure error={missing} what="Firmware and groups" />
      ) : !firmware.data || !groups.data ? (
        <SkeletonRows rows={4} label="Loading firmware and groups" />
      ) : (
        <DialogForm
          submit="Create campaign"
          busy={save.isPending}
          error={form.error}
          onCancel={onClose}
          onSubmit={() => {
            const good = form.check({
              firmware_version_id: v.firmware_version_id === '' && 'Choose a version.',
              target_group_id: v.target_group_id === '' && 'Choose a group.',
              stages: v.strategy === 'canary' && stagesFault(v.stages),
              rollout_rate: within(v.rollout_rate, 1, 1000),
              abort_percent: within(v.abort_percent, 0, 100),
              min_results: within(v.min_results, 1, 10000),
              timeout_minutes: within(v.timeout_minutes, 1, 10080),
            });
            if (good) save.mutate();
          }}
        >
          <SelectField
            label="Firmware"
            none={versions.length === 0 ? 'There is none yet' : 'Choose a version'}
            options={versions.map((f) => ({
              value: String(f.id),
              label: f.device_type ? `${f.version} · ${f.device_type}` : f.version,
            }))}
            value={v.firmware_version_id}
            onChange={(value) => form.set('firmware_version_id', value)}
            fault={form.fault('firmware_version_id')}
            help={
              versions.length === 0 ? (
                <Link to="/ota/firmware?new=1" className="text-accent hover:underline">
                  Upload a file first
                </Link>
              ) : undefined
            }
          />
          <SelectField
            label="Group"
            none={groups.data.length === 0 ? 'There is none yet' : 'Choose a group'}
            options={groups.data.map((g) => ({
              value: g.group_id,
              label: `${g.name} · ${many(g.member_count, 'device')}`,
            }))}
            value={v.target_group_id}
            onChange={(value) => form.set('target_group_id', value)}
            fault={form.fault('target_group_id')}
          />
          <TextField
            label="Name"
            optional
            value={v.name}
            placeholder={name || 'What this campaign is called'}
            onChange={(e) => form.set('name', e.target.value)}
            fault={form.fault('name')}
          />
          <div className="flex flex-col gap-1">
            <span className="font-medium">Roll-out</span>
            <Segmented
              label="Roll-out"
              className="self-start"
              options={[
                { value: 'canary', label: 'In stages' },
                { value: 'linear', label: 'All at once' },
              ]}
              value={v.strategy}
              onChange={(value) => form.set('strategy', value)}
            />
          </div>
          {v.strategy === 'canary' && (
            <TextField
              label="Stages in percent"
              value={v.stages}
              onChange={(e) => form.set('stages', e.target.value)}
              fault={form.fault('stages')}
              help="The next stage begins when every device of the one before is done."
            />
          )}
          <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
            <TextField
              label="Devices every 10 seconds"
              inputMode="numeric"
              value={v.rollout_rate}
              onChange={(e) => form.set('rollout_rate', e.target.value)}
              fault={form.fault('rollout_rate')}
            />
            <TextField
              label="Halt above percent failed"
              inputMode="numeric"
              value={v.abort_percent}
              onChange={(e) => form.set('abort_percent', e.target.value)}
              fault={form.fault('abort_percent')}
            />
            <TextField
              label="Results before it may halt"
              inputMode="numeric"
              value={v.min_results}
              onChange={(e) => form.set('min_results', e.target.value)}
              fault={form.fault('min_results')}
            />
            <TextField
              label="Minutes of silence until failed"
              inputMode="numeric"
              value={v.timeout_minutes}
              onChange={(e) => form.set('timeout_minutes', e.target.value)}
              fault={form.fault('timeout_minutes')}
            />
          </div>
        </DialogForm>
      )}
    </Dialog>
  );
}
