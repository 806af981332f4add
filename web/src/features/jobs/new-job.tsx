import { useMutation } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { updates } from '@/api/updates';
import { useGroups } from '@/features/groups/queries';
import { many } from '@/lib/numbers';
import { useForm } from '@/lib/use-form';
import { useUrl } from '@/lib/use-url';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, Segmented, SelectField, TextField } from '@/ui/field';
import { useRefreshJobs } from './queries';

/** The text as a JSON object, or null. */
function objectOf(text: string): Record<string, unknown> | null {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // what is no JSON is told at the field
  }
}

export function NewJob({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefreshJobs();
  const groups = useGroups();
  const { params } = useUrl();
  const form = useForm({
    document_type: '',
    document_params: '',
    target: params.get('device') ? 'device' : 'group',
    target_device_id: params.get('device') ?? '',
    target_group_id: '',
    expires_in_hours: '24',
  });
  const v = form.values;
  const save = useMutation({
    mutationFn: () =>
      updates.createJob({
        document_type: v.document_type.trim(),
        document_params: objectOf(v.document_params) ?? {},
        ...(v.target === 'device' ? { target_device_id: v.target_device_id.trim() } : {}),
        ...(v.target === 'group' ? { target_group_id: v.target_group_id } : {}),
        ...(v.target === 'all' ? { target_all: true } : {}),
        expires_in_hours: v.expires_in_hours.trim() === '' ? null : Number(v.expires_in_hours),
      }),
    onSuccess: (made) => {
      toast.success(`The job is given to ${many(made.execution_count, 'device')}`);
      refresh();
      void navigate(`/jobs/${encodeURIComponent(made.job_id)}`);
    },
    onError: form.setError,
  });
  const hours = Number(v.expires_in_hours);
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="New job"
      description="A document for devices, and how each gets on with it."
    >
      <DialogForm
        submit="Create job"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            document_type: v.document_type.trim() === '' && 'Give a type that the devices know.',
            document_params: objectOf(v.document_params) === null && 'A JSON object, or nothing.',
            target_device_id:
              v.target === 'device' && v.target_device_id.trim() === '' && 'Give a device id.',
            target_group_id: v.target === 'group' && v.target_group_id === '' && 'Choose a group.',
            expires_in_hours:
              v.expires_in_hours.trim() !== '' &&
              !(Number.isInteger(hours) && hours >= 1 && hours <= 720) &&
              'Whole hours from 1 to 720, or nothing for never.',
          });
          if (good) save.mutate();
        }}
      >
        <TextField
          label="Document type"
          value={v.document_type}
          placeholder="reboot"
          autoFocus
          onChange={(e) => form.set('document_type', e.target.value)}
          fault={form.fault('document_type')}
        />
        <AreaField
          label="Parameters"
          optional
          mono
          rows={4}
          value={v.document_params}
          onChange={(value) => form.set('document_params', value)}
          fault={form.fault('document_params')}
          help={'A JSON object, such as {"delay_s": 5}.'}
        />
        <div className="flex flex-col gap-1">
          <span className="font-medium">For</span>
          <Segmented
            label="For"
            className="self-start"
            options={[
              { value: 'device', label: 'One device' },
              { value: 'group', label: 'A group' },
              { value: 'all', label: 'All devices' },
            ]}
            value={v.target}
            onChange={(value) => form.set('target', value)}
          />
        </div>
        {v.target === 'device' && (
          <TextField
            label="Device id"
            mono
            value={v.target_device_id}
            onChange={(e) => form.set('target_device_id', e.target.value)}
            fault={form.fault('target_device_id')}
          />
        )}
        {v.target === 'group' && (
          <SelectField
            label="Group"
            none={groups.data?.length === 0 ? 'There is none yet' : 'Choose a group'}
            options={(groups.data ?? []).map((g) => ({
              value: g.group_id,
              label: `${g.name} · ${many(g.member_count, 'device')}`,
            }))}
            value={v.target_group_id}
            onChange={(value) => form.set('target_group_id', value)}
            fault={form.fault('target_group_id')}
          />
        )}
        <TextField
          label="Expires in hours"
          optional
          inputMode="numeric"
          value={v.expires_in_hours}
          onChange={(e) => form.set('expires_in_hours', e.target.value)}
          fault={form.fault('expires_in_hours')}
          help="Devices that have not begun by then are not asked any more."
        />
      </DialogForm>
    </Dialog>
  );
}
