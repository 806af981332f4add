import { useMutation } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { Link, useBlocker, useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { people, type Permission, type Role } from '@/api/people';
import { Gate } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import ActivityPanel from '@/features/audit/activity-panel';
import PermissionNote from '@/features/people/permission-note';
import { useCatalogue, useRefreshPeople, useRoles } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { useCrumbName } from '@/shell/crumb-name';
import { Button, ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Segmented, TextField } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { DeleteRole } from './delete-role';
import { copyName, diffOf, draftOf, fits, matrixOf, type RoleDraft } from './matrix';
import { PermissionMatrix } from './permission-matrix';
import { RoleDiff } from './role-diff';

type Only = 'all' | 'granted' | 'changed';

function Editor({
  role,
  start,
  catalogue,
}: {
  /** The role that is changed; null for a new one. */
  role: Role | null;
  /** What the form begins with. */
  start: RoleDraft;
  catalogue: Permission[];
}) {
  const navigate = useNavigate();
  const refresh = useRefreshPeople();
  const { may } = usePermissions();
  const { get, set } = useUrl();
  // A new role is compared with nothing: everything in it is new.
  const before = useMemo(() => draftOf(role), [role]);
  const [draft, setDraft] = useState(start);
  const [reviewing, setReviewing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [saved, setSaved] = useState<string | null>(null);
  const [fault, setFault] = useState<string | undefined>();
  const locked = role?.is_system ?? false;
  const diff = useMemo(() => diffOf(before, draft, catalogue), [before, draft, catalogue]);
  const rows = useMemo(() => matrixOf(catalogue), [catalogue]);
  const dirty = !locked && !diff.same && saved === null;
  const text = get('q') ?? '';
  const only = (get('only') ?? 'all') as Only;
  const shown = (p: Permission) =>
    fits(p, text) &&
    (only === 'all' ||
      (only === 'granted' ? draft.ids.has(p.id) : draft.ids.has(p.id) !== before.ids.has(p.id)));

  // The search's own place in the address is no leaving.
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      dirty && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!dirty) return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener('beforeunload', stay);
    return () => window.removeEventListener('beforeunload', stay);
  }, [dirty]);
  useEffect(() => {
    if (saved !== null) void navigate(`/roles/${encodeURIComponent(saved)}`, { replace: true });
  }, [saved, navigate]);

  const save = useMutation({
    mutationFn: async () => {
      const body = {
        name: draft.name.trim(),
        description: draft.description.trim(),
        permission_ids: [...draft.ids],
      };
      if (!role) return (await people.createRole(body)).id;
      await people.changeRole(role.id, body);
      return role.id;
    },
    onSuccess: (id) => {
      toast.success(role ? `${draft.name.trim()} is saved; it holds at once` : `${draft.name.trim()} is created`);
      setReviewing(false);
      refresh();
      if (!role) setSaved(id);
    },
    onError: (error) => {
      if (asApiError(error).status !== 409) return;
      setReviewing(false);
      setFault('Another role has this name.');
    },
  });
  const review = () => {
    if (draft.name.trim() === '') setFault('Give the role a name.');
    else if (draft.ids.size === 0) toast.error('A role needs at least one permission.');
    else {
      save.reset();
      setReviewing(true);
    }
  };
  const touched = role?.member_count ?? 0;
  const granted = draft.ids.size;
  return (
    <>
      <PageHeader
        title={role?.name ?? 'New role'}
        facts={
          <>
            {locked && <span>role of the system</span>}
            {role && (
              <span>
                {touched === 0 ? 'nobody has it' : many(touched, 'person has it', 'people have it')}
              </span>
            )}
            {role && <CopyValue text={role.id} name="role id" />}
          </>
        }
        actions={
          role && (
            <>
              <CopyCall path={callPath('/roles')} />
              <ButtonLink to={`/roles/new?from=${encodeURIComponent(role.id)}`}>Duplicate</ButtonLink>
              {!locked && (
                <Button kind="danger" onClick={() => setDeleting(true)}>
                  Delete
                </Button>
              )}
            </>
          )
        }
      />
      {locked ? (
        <p className="mb-3 text-ink-2">
          {role?.description}. Roles of the system can't be changed: duplicate it to make one of your own.
        </p>
      ) : (
        <div className="mb-3 grid gap-3 sm:grid-cols-[16rem_minmax(0,1fr)]">
          <TextField
            label="Name"
            autoFocus={!role}
            maxLength={100}
            value={draft.name}
            onChange={(e) => {
              setDraft({ ...draft, name: e.target.value });
              setFault(undefined);
            }}
            fault={fault}
            placeholder="Night shift"
          />
          <TextField
            label="Description"
            optional
            maxLength={500}
            value={draft.description}
            onChange={(e) => setDraft({ ...draft, description: e.target.value })}
            placeholder="Sees everything, acknowledges alerts"
          />
        </div>
      )}
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search permissions"
          placeholder="Permission or what it is for"
          value={text}
          onChange={(q) => set({ q })}
        />
        <Segmented
          label="Which permissions"
          value={only}
          onChange={(next) => set({ only: next === 'all' ? null : next })}
          options={[
            { value: 'all', label: `All ${catalogue.length}` },
            { value: 'granted', label: `Granted ${granted}` },
            ...(locked
              ? []
              : [{ value: 'changed', label: `Changed ${diff.added.length + diff.removed.length}` }]),
          ]}
        />
      </div>
      <div className="panel overflow-x-auto" data-testid="matrix">
        {catalogue.some(shown) ? (
          <PermissionMatrix
            rows={rows}
            ids={draft.ids}
            before={role ? before.ids : draft.ids}
            shown={shown}
            grantable={(p) => may(p.action)}
            onChange={locked ? null : (ids) => setDraft({ ...draft, ids })}
          />
        ) : (
          <Empty
            title={text ? `No permission fits “${text}”` : 'None'}
            action={<Button onClick={() => set({ q: null, only: null })}>Show all permissions</Button>}
          />
        )}
      </div>
      {!locked && (
        <div
          data-testid="save-bar"
          className="sticky bottom-0 z-20 mt-3 flex min-h-13 flex-wrap items-center justify-between gap-x-4 gap-y-2 rounded-m border bg-surface px-3 py-2 shadow-pop"
        >
          <p className="num text-ink-2" role="status">
            {diff.same ? (
              role ? 'No changes' : 'Choose what the role allows'
            ) : (
              <>
                {diff.added.length > 0 && <span className="text-online">+{diff.added.length}</span>}{' '}
                {diff.removed.length > 0 && (
                  <span className="text-critical">−{diff.removed.length}</span>
                )}{' '}
                {diff.added.length + diff.removed.length > 0 ? 'permissions' : 'words'}
                {role && ` · ${touched === 0 ? 'touches nobody' : `touches ${many(touched, 'person', 'people')}`}`}
              </>
            )}
          </p>
          <span className="flex gap-2">
            {role ? (
              <Button disabled={diff.same} onClick={() => setDraft(before)}>
                Undo changes
              </Button>
            ) : (
              <ButtonLink to="/roles">Cancel</ButtonLink>
            )}
            <Button kind="primary" disabled={diff.same} onClick={review}>
              {role ? 'Review and save' : 'Review and create'}
            </Button>
          </span>
        </div>
      )}
      {role && (
        <ActivityPanel className="mt-4" filter={{ entity_type: 'role', entity_id: role.id }} empty={locked ? 'Roles of the system never change.' : undefined} />
      )}
      {reviewing && (
        <Dialog
          open
          wide
          onClose={() => setReviewing(false)}
          title={role ? `Save ${draft.name.trim()}?` : `Create ${draft.name.trim()}?`}
          description={
            !role
              ? 'Nobody has it yet; give it to people in the team.'
              : touched === 0
                ? 'Nobody has it, so nobody is touched.'
                : `${many(touched, 'person is', 'people are')} touched, at once and wherever they are signed in.`
          }
        >
          <DialogForm
            submit={role ? 'Save role' : 'Create role'}
            busy={save.isPending}
            error={save.error}
            onCancel={() => setReviewing(false)}
            onSubmit={() => save.mutate()}
          >
            <RoleDiff diff={diff} />
          </DialogForm>
        </Dialog>
      )}
      {deleting && role && (
        <DeleteRole
          role={role}
          onClose={() => setDeleting(false)}
          onDone={() => void navigate('/roles')}
        />
      )}
      {blocker.state === 'blocked' && (
        <Confirm
          title="Leave without saving?"
          action="Leave"
          busy={false}
          onConfirm={() => blocker.proceed()}
          onClose={() => blocker.reset()}
        >
          <p>The changes to this role are not saved.</p>
        </Confirm>
      )}
    </>
  );
}

/** One role, or a new one, as a matrix of what it allows. */
function RolePage({ id }: { id: string }) {
  const { get } = useUrl();
  const roles = useRoles();
  const catalogue = useCatalogue();
  const fresh = id === 'new';
  const role = fresh ? null : (roles.data?.find((r) => r.id === id) ?? null);
  useTitle(fresh ? 'New role' : (role?.name ?? 'Role'));
  useCrumbName(`/roles/${id}`, fresh ? 'New role' : role?.name);
  const error = roles.error ?? catalogue.error;
  if (error && !(roles.data && catalogue.data))
    return (
      <div className="panel">
        <Failure
          error={error}
          what="The role"
          retry={() => {
            void roles.refetch();
            void catalogue.refetch();
          }}
        />
      </div>
    );
  if (!roles.data || !catalogue.data)
    return (
      <>
        <Skeleton className="mb-3 h-7 w-48" />
        <div className="panel">
          <SkeletonRows rows={10} label="Loading the role" />
        </div>
      </>
    );
  if (!fresh && !role)
    return (
      <div className="panel">
        <Empty
          title="There is no such role"
          action={
            <ButtonLink kind="primary" to="/roles">
              All roles
            </ButtonLink>
          }
        >
          It was deleted, or belongs to another organization. The{' '}
          <Link
            to={`/activity-log?entity=role&entity_id=${encodeURIComponent(id)}`}
            className="text-accent underline underline-offset-2"
          >
            activity log
          </Link>{' '}
          tells what became of it.
        </Empty>
      </div>
    );
  const from = fresh ? roles.data.find((r) => r.id === get('from')) : undefined;
  const start = from
    ? { ...draftOf(from), name: copyName(from.name, roles.data.map((r) => r.name)) }
    : draftOf(role);
  // A role that was changed elsewhere or just saved begins anew.
  return (
    <Editor
      key={`${id} ${role?.updated_at ?? from?.id ?? ''}`}
      role={role}
      start={start}
      catalogue={catalogue.data}
    />
  );
}

/** A page of its own for each role. */
export default function KeyedRolePage() {
  const { roleId = '' } = useParams();
  return (
    <Gate
      needs={needs.roles}
      otherwise={
        <div className="panel">
          <Empty title="Roles are not shown to you">
            <PermissionNote permission={needs.roles} />
          </Empty>
        </div>
      }
    >
      <RolePage key={roleId} id={roleId} />
    </Gate>
  );
}
