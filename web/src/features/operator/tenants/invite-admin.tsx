import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { operatorApi, type Tenant } from '@/api/operator';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { NameFields } from '@/ui/name-fields';
import { useRefreshOperator } from '../queries';

/** Invites somebody to a tenant by email. */
export function InviteAdmin({ tenant, onClose }: { tenant: Tenant; onClose: () => void }) {
  const refresh = useRefreshOperator();
  const form = useForm({ email: '', first_name: '', last_name: '', role: 'tenant-admin' });
  const v = form.values;
  const send = useMutation({
    mutationFn: () =>
      operatorApi.invite(tenant.tenant_id, {
        email: v.email.trim(),
        first_name: v.first_name.trim(),
        last_name: v.last_name.trim(),
        role: v.role as 'customer' | 'tenant-admin',
      }),
    onSuccess: (made) => {
      toast.success(`The invitation is on its way to ${made.email}`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={`Invite to ${tenant.name}`}
      description="They get an email with a link that works once, and choose a password there."
    >
      <DialogForm
        submit="Send invitation"
        busy={send.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ email: emailFault(v.email.trim()) })) send.mutate();
        }}
      >
        <TextField
          label="Email"
          type="email"
          autoFocus
          value={v.email}
          onChange={(e) => form.set('email', e.target.value)}
          fault={form.fault('email')}
        />
        <NameFields form={form} optional />
        <SelectField
          label="Role"
          value={v.role}
          onChange={(role) => form.set('role', role)}
          options={[
            { value: 'tenant-admin', label: 'Administrator' },
            { value: 'customer', label: 'Member' },
          ]}
          help={
            v.role === 'tenant-admin'
              ? 'Holds every permission of the tenant and invites others.'
              : 'Begins as Viewer; an administrator of the tenant gives more.'
          }
        />
      </DialogForm>
    </Dialog>
  );
}
