import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { people } from '@/api/people';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { useLimits, useRefreshPeople, useRoles } from '@/features/people/queries';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { NameFields } from '@/ui/name-fields';
import { Skeleton } from '@/ui/states';
import { UsageBar } from '@/ui/usage';
import { RolePicker } from './role-picker';

/** How full the tier is, above the form: before it bites. */
export function PeopleLimit({ className }: { className?: string }) {
  const { data } = useLimits();
  const limit = data?.limits.find((l) => l.name === 'users');
  if (!data || !limit || typeof limit.used !== 'number') return null;
  const left = limit.limit - limit.used;
  return (
    <div className={className} data-testid="people-limit">
      <p className="num mb-1 flex justify-between gap-3 text-12 text-ink-2">
        <span>
          {limit.used} of {limit.limit} people
          {data.tier_name && ` in the ${data.tier_name} tier`}
        </span>
        <span className={left <= 0 ? 'text-warning' : undefined}>
          {left > 0 ? `${left} left` : 'none left'}
        </span>
      </p>
      <UsageBar label="People of the tier" used={limit.used} limit={limit.limit} />
    </div>
  );
}

/** Invites a person by email, with the roles to begin with. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { organization } = useSession();
  const { may } = usePermissions();
  const refresh = useRefreshPeople();
  const limits = useLimits();
  const roles = useRoles();
  const users = limits.data?.limits.find((l) => l.name === 'users');
  const full = users !== undefined && typeof users.used === 'number' && users.used >= users.limit;
  const viewer = roles.data?.find((r) => r.is_system && r.name === 'Viewer')?.id;
  const form = useForm({ email: '', first_name: '', last_name: '' });
  const [picked, setPicked] = useState<ReadonlySet<string> | null>(null);
  const chosen = picked ?? new Set(viewer ? [viewer] : []);
  const [sent, setSent] = useState<string | null>(null);
  const v = form.values;
  const mayAssign = may(needs.roles);
  const invite = useMutation({
    mutationFn: () =>
      people.invite({
        email: v.email.trim(),
        first_name: v.first_name.trim(),
        last_name: v.last_name.trim(),
        role: 'customer',
        ...(mayAssign && chosen.size > 0 ? { role_ids: [...chosen] } : {}),
      }),
    onSuccess: () => {
      toast.success(`${v.email.trim()} is invited`);
      setSent(v.email.trim());
      refresh();
    },
    onError: (error) => {
      const e = asApiError(error);
      if (e.status === 409)
        form.check({
          email: 'Somebody with this address has an account already, here or in another organization.',
        });
      else form.setError(error);
    },
  });
  if (sent)
    return (
      <Dialog open onClose={onClose} title="The invitation is on its way">
        <p>
          <strong>{sent}</strong> gets an email with a link to choose a password and sign in. It works
          once and for a limited time; “Send the link again” in the team list makes a new one.
        </p>
        <div className="mt-4 flex justify-end gap-2">
          <Button
            onClick={() => {
              for (const name of ['email', 'first_name', 'last_name'] as const) form.set(name, '');
              setSent(null);
            }}
          >
            Invite another
          </Button>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </Dialog>
    );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={`Invite to ${organization}`}
      description="They get an email with a link to choose a password. The link works once and for a limited time."
    >
      <DialogForm
        submit="Send invitation"
        busy={invite.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({ email: emailFault(v.email.trim()) });
          if (good && (!mayAssign || chosen.size > 0)) invite.mutate();
        }}
      >
        <PeopleLimit />
        {full && (
          <p className="rounded-m bg-warning-soft px-3 py-2 text-warning" role="note">
            <span aria-hidden="true">▲ </span>
            Nobody more fits in. Remove someone, or ask for a larger tier; see{' '}
            <Link to="/settings/organization#limits" className="underline underline-offset-2">
              what the tier allows
            </Link>
            .
          </p>
        )}
        <TextField
          label="Email"
          type="email"
          inputMode="email"
          autoFocus
          value={v.email}
          onChange={(e) => form.set('email', e.target.value)}
          fault={form.fault('email')}
          placeholder="kay@example.com"
        />
        <NameFields form={form} optional />
        {!mayAssign ? (
          <p className="text-ink-2">
            They begin as Viewer. Who may assign roles can give them more afterwards.
          </p>
        ) : roles.data ? (
          <RolePicker
            roles={roles.data}
            chosen={chosen}
            onChange={setPicked}
            fault={chosen.size === 0 ? 'Choose at least one role.' : undefined}
          />
        ) : (
          <Skeleton className="h-40" />
        )}
      </DialogForm>
    </Dialog>
  );
}
