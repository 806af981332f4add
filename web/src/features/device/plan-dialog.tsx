import { useMutation, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { instances } from '@/api/instances';
import type { Device } from '@/api/types';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';

/** Moves a device and its subscription to another plan. */
export function PlanDialog({ device, onClose }: { device: Device; onClose: () => void }) {
  const queries = useQueryClient();
  const form = useForm({ plan_id: device.plan_id ?? '' });
  const plan = form.values.plan_id.trim();
  const save = useMutation({
    mutationFn: () => instances.changePlan(device.device_id, plan),
    onSuccess: () => {
      toast.success(`The plan is ${plan} now`);
      for (const key of ['device', 'device-sensors', 'subscriptions'])
        void queries.invalidateQueries({ queryKey: [key] });
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title="Change the plan">
      <DialogForm
        submit="Change plan"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ plan_id: plan === '' && 'Name a plan.' })) save.mutate();
        }}
      >
        <TextField
          label="Plan"
          mono
          autoFocus
          value={form.values.plan_id}
          onChange={(e) => form.set('plan_id', e.target.value)}
          fault={form.fault('plan_id')}
          help="Its id. The device and its subscription move together; limits such as the number of sensors follow at once."
        />
      </DialogForm>
    </Dialog>
  );
}
