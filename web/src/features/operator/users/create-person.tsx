import { useMutation } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { operatorApi, type RealmRole } from '@/api/operator';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { NameFields } from '@/ui/name-fields';
import { personLink } from '../links';
import { useRefreshOperator, useTenants } from '../queries';
import { roleNames } from './person-mark';

/** Creates a person of a tenant, or of the staff, and sends the first email. */
export function CreatePerson({ tenant, onClose }: { tenant: string | null; onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefreshOperator();
  const tenants = useTenants();
  const form = useForm({
    username: '',
    email: '',
    first_name: '',
    last_name: '',
    role: 'customer' as RealmRole,
    tenant_id: tenant ?? '',
  });
  const v = form.values;
  const staff = v.role.startsWith('operator');
  const username = v.username.trim() || v.email.trim().split('@')[0]!;
  const save = useMutation({
    mutationFn: async () => {
      const made = await operatorApi.createPerson({
        username,
        email: v.email.trim(),
        first_name: v.first_name.trim(),
        last_name: v.last_name.trim(),
        role: v.role,
        ...(staff ? {} : { tenant_id: v.tenant_id }),
      });
      // The account stands even when the email fails; its page offers to send it again.
      const sent = await operatorApi.sendWelcome(made.id).then(
        () => true,
        () => false,
      );
      return { ...made, sent };
    },
    onSuccess: (made) => {
      if (made.sent) toast.success(`${made.username} is created; an email with a link is on its way`);
      else toast.warning(`${made.username} is created, but the email could not be sent. Send it again.`);
      refresh();
      void navigate(personLink(made.id));
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="Create a user"
      description="They get an email with a link to choose a password."
    >
      <DialogForm
        submit="Create user"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            email: emailFault(v.email.trim()),
            username: /\s/.test(username) && 'No spaces.',
            tenant_id: !staff && v.tenant_id === '' && 'Choose a tenant.',
          });
          if (good) save.mutate();
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
        <TextField
          label="Username"
          value={v.username}
          onChange={(e) => form.set('username', e.target.value)}
          placeholder={username}
          fault={form.fault('username')}
          help="What they sign in with; by default what stands before the @."
        />
        <NameFields form={form} optional />
        <div className="grid grid-cols-2 gap-4">
          <SelectField
            label="Role"
            value={v.role}
            onChange={(role) => form.set('role', role as RealmRole)}
            options={Object.entries(roleNames).map(([value, label]) => ({ value, label }))}
            fault={form.fault('role')}
          />
          {staff ? (
            <p className="self-end pb-1.5 text-ink-2">Staff belong to no tenant.</p>
          ) : (
            <SelectField
              label="Tenant"
              none="Choose …"
              value={v.tenant_id}
              onChange={(id) => form.set('tenant_id', id)}
              options={(tenants.data ?? [])
                .filter((t) => t.status !== 'DELETED')
                .map((t) => ({ value: t.tenant_id, label: t.name }))}
              fault={form.fault('tenant_id')}
            />
          )}
        </div>
      </DialogForm>
    </Dialog>
  );
}
