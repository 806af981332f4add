import { explainMissing } from '@/auth/missing';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { Button } from '@/ui/button';
import { CopyButton } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { Tag } from '@/ui/page';
import { nameOf } from './names';
import { usePermissionWords } from './permission-note';
import { useGrantors } from './queries';

/** Explains a permission that is missing: what it is for, what the person holds, and whom to ask. */
export default function MissingDialog({ permission }: { permission: string }) {
  const words = usePermissionWords(permission);
  const grantors = useGrantors();
  const { roles } = usePermissions();
  const { user, organization } = useSession();
  const request =
    `Please grant ${user.email} in ${organization} the permission ` +
    `${words ? `“${words}” ` : ''}(${permission}) in Pulse.`;
  return (
    <Dialog
      open
      onClose={() => explainMissing(null)}
      title="Your roles don't allow this"
      description={words ? `It needs the permission “${words}”.` : undefined}
    >
      <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 gap-y-2" data-missing={permission}>
        <dt className="text-ink-2">Permission</dt>
        <dd className="font-mono text-12 leading-5">{permission}</dd>
        <dt className="text-ink-2">Your roles</dt>
        <dd className="flex flex-wrap gap-1">
          {roles.length > 0 ? roles.map((r) => <Tag key={r}>{r}</Tag>) : 'none'}
        </dd>
        <dt className="text-ink-2">Who can grant it</dt>
        <dd>
          {grantors.length === 0 ? (
            'An administrator of your organization.'
          ) : (
            <ul>
              {grantors.slice(0, 6).map((m) => (
                <li key={m.id}>
                  {nameOf(m)} <span className="text-ink-3">{m.email}</span>
                </li>
              ))}
            </ul>
          )}
        </dd>
      </dl>
      <div className="mt-4 flex justify-end gap-2">
        <CopyButton text={request} label="Copy a request to send" />
        <Button small kind="primary" onClick={() => explainMissing(null)}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
