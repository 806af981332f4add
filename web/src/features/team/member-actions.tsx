// What can be done about a person of the team, in the list and on the person's page.
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { people, type Member } from '@/api/people';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { nameOf } from '@/features/people/names';
import { useRefreshPeople } from '@/features/people/queries';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Confirm } from '@/ui/confirm';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { MenuItem, MenuLabel, MenuLine } from '@/ui/menu';
import { NameFields } from '@/ui/name-fields';
import { RolesDialog } from './roles-dialog';
import type { MemberState } from './status';

export type MemberDialog = 'edit' | 'roles' | 'disable' | 'remove' | 'sessions';

function EditMember({ member, onClose }: { member: Member; onClose: () => void }) {
  const refresh = useRefreshPeople();
  const form = useForm({
    first_name: member.first_name,
    last_name: member.last_name,
    email: member.email,
  });
  const v = form.values;
  const save = useMutation({
    mutationFn: () =>
      people.editMember(member.id, {
        first_name: v.first_name.trim(),
        last_name: v.last_name.trim(),
        ...(v.email.trim() !== member.email ? { email: v.email.trim() } : {}),
      }),
    onSuccess: () => {
      toast.success('Saved');
      refresh();
      onClose();
    },
    onError: (error) => {
      if (asApiError(error).status === 409)
        form.check({ email: 'Somebody else has this address.' });
      else form.setError(error);
    },
  });
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title={`Edit ${nameOf(member)}`}>
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ email: emailFault(v.email.trim()) })) save.mutate();
        }}
      >
        <NameFields form={form} autoFocus />
        <TextField
          label="Email"
          type="email"
          value={v.email}
          onChange={(e) => form.set('email', e.target.value)}
          fault={form.fault('email')}
          help="Links for a new password go to this address."
        />
      </DialogForm>
    </Dialog>
  );
}

/** Asks once, naming what will happen. */
function Ask({
  title,
  action,
  act,
  done,
  onClose,
  onDone,
  children,
}: {
  title: string;
  action: string;
  act: () => Promise<unknown>;
  done: string;
  onClose: () => void;
  onDone?: () => void;
  children: ReactNode;
}) {
  const refresh = useRefreshPeople();
  const work = useMutation({
    mutationFn: act,
    onSuccess: () => {
      toast.success(done);
      refresh();
      onClose();
      onDone?.();
    },
  });
  return (
    <Confirm
      title={title}
      action={action}
      busy={work.isPending}
      error={work.error}
      onConfirm={() => work.mutate()}
      onClose={onClose}
    >
      {children}
    </Confirm>
  );
}

/** The open dialog about a person. */
export function MemberDialogs({
  member: m,
  state,
  open,
  onClose,
  onRemoved,
}: {
  member: Member;
  state: MemberState;
  open: MemberDialog | null;
  onClose: () => void;
  onRemoved?: () => void;
}) {
  const name = nameOf(m);
  if (open === 'edit') return <EditMember member={m} onClose={onClose} />;
  if (open === 'roles') return <RolesDialog member={m} onClose={onClose} />;
  if (open === 'disable')
    return (
      <Ask
        title={`Disable ${name}?`}
        action="Disable"
        act={() => people.disable(m.id)}
        done={`${name} is locked out`}
        onClose={onClose}
      >
        <p>
          {name} is signed out everywhere at once and can't sign in until enabled again. Roles,
          preferences and tokens stay; the tokens are refused meanwhile.
        </p>
      </Ask>
    );
  if (open === 'sessions')
    return (
      <Ask
        title={`Sign ${name} out everywhere?`}
        action="Sign out everywhere"
        act={() => people.endSessionsOf(m.id)}
        done={`${name} is signed out everywhere`}
        onClose={onClose}
      >
        <p>Every browser has to sign in again. API tokens go on working.</p>
      </Ask>
    );
  if (open === 'remove')
    return state === 'invited' ? (
      <Ask
        title={`Withdraw the invitation of ${m.email}?`}
        action="Withdraw invitation"
        act={() => people.remove(m.id)}
        done={`The invitation of ${m.email} is withdrawn`}
        onClose={onClose}
        onDone={onRemoved}
      >
        <p>The person leaves the list and the link lets nobody in any more.</p>
      </Ask>
    ) : (
      <Ask
        title={`Remove ${name}?`}
        action={`Remove ${name}`}
        act={() => people.remove(m.id)}
        done={`${name} is removed`}
        onClose={onClose}
        onDone={onRemoved}
      >
        <p>At once and for good, {m.email} loses:</p>
        <ul className="list-disc pl-5">
          <li>access to the organization, in every browser and by every token</li>
          <li>the roles and preferences here</li>
          <li>personal API tokens: scripts that use them stop</li>
        </ul>
        <p>
          What the person made stays, and so does the activity log. Where your own identity provider
          manages the account, it may be deleted there too. To lock somebody out for a while, disable
          instead.
        </p>
      </Ask>
    );
  return null;
}

/** The entries of a person's menu. */
export function MemberMenuItems({
  member: m,
  me,
  state,
  onOpen,
}: {
  member: Member;
  me: boolean;
  state: MemberState;
  onOpen: (dialog: MemberDialog) => void;
}) {
  const refresh = useRefreshPeople();
  const navigate = useNavigate();
  const name = nameOf(m);
  const failed = (error: unknown) => toast.error(asApiError(error).message);
  const link = useMutation({
    mutationFn: () => people.sendLink(m.id),
    onSuccess: () => {
      toast.success(`A link is on its way to ${m.email}`);
      refresh();
    },
    onError: failed,
  });
  const enable = useMutation({
    mutationFn: () => people.enable(m.id),
    onSuccess: () => {
      toast.success(`${name} can sign in again`);
      refresh();
    },
    onError: failed,
  });
  return (
    <>
      {me && <MenuLabel>Nobody changes their own roles or access</MenuLabel>}
      <GatedItem needs={needs.editMember} onSelect={() => onOpen('edit')}>
        Edit name and email
      </GatedItem>
      {!me && (
        <GatedItem needs={needs.roles} onSelect={() => onOpen('roles')}>
          Change roles
        </GatedItem>
      )}
      {m.enabled && (
        <GatedItem needs={needs.editMember} onSelect={() => link.mutate()}>
          {state === 'invited' ? 'Send the link again' : 'Send a link for a new password'}
        </GatedItem>
      )}
      {!me && (
        <>
          {state !== 'invited' && (
            <GatedItem needs={needs.editMember} onSelect={() => onOpen('sessions')}>
              Sign out everywhere
            </GatedItem>
          )}
          <MenuLine />
          {m.enabled ? (
            <GatedItem needs={needs.editMember} onSelect={() => onOpen('disable')}>
              Disable
            </GatedItem>
          ) : (
            <GatedItem needs={needs.editMember} onSelect={() => enable.mutate()}>
              Enable
            </GatedItem>
          )}
          <GatedItem danger needs={needs.removeMember} onSelect={() => onOpen('remove')}>
            {state === 'invited' ? 'Withdraw the invitation' : 'Remove from the organization'}
          </GatedItem>
        </>
      )}
      {me && (
        <MenuItem onSelect={() => void navigate('/settings/profile')}>Your profile</MenuItem>
      )}
    </>
  );
}

/** State of the dialogs about one person. */
export function useMemberDialog() {
  const [open, setOpen] = useState<{ member: Member; dialog: MemberDialog } | null>(null);
  return {
    open,
    show: (member: Member, dialog: MemberDialog) => setOpen({ member, dialog }),
    close: () => setOpen(null),
  };
}
