// What can be done to an account as a whole.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { operatorApi, type Person } from '@/api/operator';
import { useForm } from '@/lib/use-form';
import { emailFault } from '@/lib/email';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { Menu, MenuItem, MenuLine } from '@/ui/menu';
import { DownIcon } from '@/ui/icons';
import { NameFields } from '@/ui/name-fields';
import { useRefreshOperator, useTenants } from '../queries';
import { useStaff } from '../staff';

function EditPerson({ person: p, onClose }: { person: Person; onClose: () => void }) {
  const refresh = useRefreshOperator();
  const form = useForm({ first_name: p.first_name, last_name: p.last_name, email: p.email });
  const v = form.values;
  const save = useMutation({
    mutationFn: () =>
      operatorApi.updatePerson(p.id, {
        first_name: v.first_name.trim(),
        last_name: v.last_name.trim(),
        email: v.email.trim(),
      }),
    onSuccess: () => {
      toast.success('Saved');
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title={`Edit ${p.username}`}>
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => form.check({ email: emailFault(v.email.trim()) }) && save.mutate()}
      >
        <NameFields form={form} />
        <TextField
          label="Email"
          type="email"
          value={v.email}
          onChange={(e) => form.set('email', e.target.value)}
          fault={form.fault('email')}
          help="Links for passwords go there."
        />
      </DialogForm>
    </Dialog>
  );
}

function SetPassword({ person: p, onClose }: { person: Person; onClose: () => void }) {
  const refresh = useRefreshOperator();
  const form = useForm({ password: '' });
  const save = useMutation({
    mutationFn: () => operatorApi.setPassword(p.id, form.values.password, true),
    onSuccess: () => {
      toast.success(`${p.username} chooses an own password at the next sign-in`);
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
      title={`Set a temporary password for ${p.username}`}
      description="For who gets no email. All sessions end, and the first sign-in asks for an own one."
    >
      <DialogForm
        submit="Set password"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() =>
          form.check({ password: form.values.password.length < 8 && 'At least 8 characters.' }) &&
          save.mutate()
        }
      >
        <TextField
          label="Temporary password"
          mono
          autoFocus
          autoComplete="new-password"
          value={form.values.password}
          onChange={(e) => form.set('password', e.target.value)}
          fault={form.fault('password')}
        />
      </DialogForm>
    </Dialog>
  );
}

function MoveToTenant({ person: p, onClose }: { person: Person; onClose: () => void }) {
  const refresh = useRefreshOperator();
  const tenants = useTenants();
  const form = useForm({ tenant_id: '' });
  const move = useMutation({
    mutationFn: () => operatorApi.moveToTenant(p.id, form.values.tenant_id),
    onSuccess: () => {
      toast.success(`${p.username} belongs to ${form.values.tenant_id} now`);
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
      title={p.tenant_id ? `Move ${p.username} to another tenant` : `Assign ${p.username} to a tenant`}
      description="All sessions end. The roles of the old tenant don't come along."
    >
      <DialogForm
        submit={p.tenant_id ? 'Move' : 'Assign'}
        busy={move.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() =>
          form.check({ tenant_id: form.values.tenant_id === '' && 'Choose a tenant.' }) &&
          move.mutate()
        }
      >
        <SelectField
          label="Tenant"
          none="Choose …"
          value={form.values.tenant_id}
          onChange={(id) => form.set('tenant_id', id)}
          options={(tenants.data ?? [])
            .filter((t) => t.status !== 'DELETED' && t.tenant_id !== p.tenant_id)
            .map((t) => ({ value: t.tenant_id, label: t.name }))}
          fault={form.fault('tenant_id')}
        />
      </DialogForm>
    </Dialog>
  );
}

type Asked = 'edit' | 'password' | 'move' | 'disable' | 'delete';

export function PersonActions({ person: p, self }: { person: Person; self: boolean }) {
  const { admin, why } = useStaff();
  const navigate = useNavigate();
  const refresh = useRefreshOperator();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const staff = p.roles.some((r) => r.startsWith('operator'));
  const say = useMutation({
    mutationFn: (act: () => Promise<{ message: string }>) => act(),
    onSuccess: (said) => toast.success(said.message),
    onError: (error) => toast.error(asApiError(error).message),
    onSettled: refresh,
  });
  const disable = useMutation({
    mutationFn: () => operatorApi.disablePerson(p.id),
    onSuccess: () => {
      toast.success(`${p.username} is disabled`);
      close();
      refresh();
    },
  });
  const remove = useMutation({
    mutationFn: () => operatorApi.deletePerson(p.id),
    onSuccess: () => {
      toast.success(`${p.username} is deleted`);
      refresh();
      void navigate('/operator/users', { replace: true });
    },
  });
  const own = self ? 'Nobody does this to their own account.' : undefined;
  return (
    <>
      <Button
        className="max-sm:hidden"
        disabled={!admin || !p.enabled}
        title={why ?? (p.enabled ? undefined : 'Enable the account first.')}
        busy={say.isPending}
        onClick={() => say.mutate(() => operatorApi.sendPasswordLink(p.id))}
      >
        Reset password
      </Button>
      {p.enabled ? (
        <Button
          kind="danger"
          disabled={!admin || self}
          title={why ?? own}
          onClick={() => {
            disable.reset();
            setAsked('disable');
          }}
        >
          Disable
        </Button>
      ) : (
        <Button
          kind="primary"
          disabled={!admin}
          title={why}
          onClick={() => say.mutate(() => operatorApi.enablePerson(p.id))}
        >
          Enable
        </Button>
      )}
      <Menu
        trigger={
          <Button disabled={!admin} title={why}>
            More <DownIcon />
          </Button>
        }
      >
        <MenuItem onSelect={() => setAsked('edit')}>Edit name and email</MenuItem>
        <MenuItem
          disabled={!p.enabled}
          onSelect={() => say.mutate(() => operatorApi.sendPasswordLink(p.id))}
        >
          Send a link for a new password
        </MenuItem>
        <MenuItem
          disabled={!p.enabled}
          onSelect={() => say.mutate(() => operatorApi.sendWelcome(p.id))}
        >
          Send the first email again
        </MenuItem>
        <MenuItem onSelect={() => setAsked('password')}>Set a temporary password</MenuItem>
        <MenuItem disabled={staff} onSelect={() => setAsked('move')}>
          {p.tenant_id ? 'Move to another tenant' : 'Assign to a tenant'}
        </MenuItem>
        <MenuLine />
        <MenuItem danger disabled={self} onSelect={() => setAsked('delete')}>
          Delete user
        </MenuItem>
      </Menu>
      {asked === 'edit' && <EditPerson person={p} onClose={close} />}
      {asked === 'password' && <SetPassword person={p} onClose={close} />}
      {asked === 'move' && <MoveToTenant person={p} onClose={close} />}
      {asked === 'disable' && (
        <Confirm
          title={`Disable ${p.username}?`}
          action="Disable user"
          busy={disable.isPending}
          error={disable.error}
          onConfirm={() => disable.mutate()}
          onClose={close}
        >
          <p>All sessions end at once and signing in is refused. Enable the account to undo this.</p>
        </Confirm>
      )}
      {asked === 'delete' && (
        <Confirm
          title={`Delete ${p.username}?`}
          action="Delete user"
          type={p.username}
          typeLabel={`Type the username: ${p.username}`}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={close}
        >
          <p>
            The account, its roles and its API tokens go. <strong>This can't be undone.</strong> What
            was done by it stays in the audit log.
          </p>
        </Confirm>
      )}
    </>
  );
}
