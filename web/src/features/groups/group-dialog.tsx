import { useMutation } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { groupsApi } from '@/api/groups';
import type { DeviceGroup } from '@/api/types';
import { slug } from '@/lib/slug';
import { idFault, useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Segmented, TextField } from '@/ui/field';
import { lineOf } from './filter-line';
import { useRefreshGroups } from './queries';
import { QueryField } from './query-field';

/** Creates a group, or edits one. */
export function GroupDialog({
  group,
  query = '',
  onClose,
}: {
  group: DeviceGroup | null;
  /** What a new dynamic group begins with. */
  query?: string;
  onClose: () => void;
}) {
  const refresh = useRefreshGroups();
  const navigate = useNavigate();
  const form = useForm({
    kind: group?.group_type ?? (query ? 'dynamic' : 'static'),
    name: group?.name ?? '',
    group_id: group?.group_id ?? '',
    ownId: group !== null,
    description: group?.description ?? '',
    query: group ? lineOf(group.query_filter) : query,
  });
  const v = form.values;
  const dynamic = v.kind === 'dynamic';
  const id = v.ownId ? v.group_id : slug(v.name);
  const save = useMutation({
    mutationFn: () => {
      const body = { name: v.name.trim(), description: v.description.trim() || null };
      const query_filter: Record<string, unknown> = v.query.trim() ? { query: v.query.trim() } : {};
      if (!group)
        return dynamic
          ? groupsApi.createDynamic({ group_id: id, ...body, query_filter })
          : groupsApi.createStatic({ group_id: id, ...body });
      if (!dynamic) return groupsApi.updateStatic(group.group_id, body);
      // A filter that was not touched stays in the form that it was made in.
      const same = v.query === lineOf(group.query_filter);
      return groupsApi.updateDynamic(group.group_id, same ? body : { ...body, query_filter });
    },
    onSuccess: (made) => {
      toast.success(group ? 'Saved' : `${made.name} is created`);
      refresh();
      onClose();
      if (!group) void navigate(`/device-groups/${encodeURIComponent(made.group_id)}`);
    },
    onError: form.setError,
  });
  const message = form.error ? asApiError(form.error).message : '';
  const aboutQuery = message.startsWith('Search term') || message.startsWith('A dynamic group');
  return (
    <Dialog
      open
      wide={dynamic}
      onClose={onClose}
      dirty={form.dirty}
      title={group ? `Edit ${group.name}` : 'Create a group'}
      description={group ? undefined : 'Devices that belong together: to look at, to update, to alert on.'}
    >
      <DialogForm
        submit={group ? 'Save' : 'Create group'}
        busy={save.isPending}
        error={aboutQuery ? null : form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            group_id: group ? false : idFault(id),
          });
          if (good) save.mutate();
        }}
      >
        {!group && (
          <div className="flex flex-col gap-1">
            <Segmented
              label="Kind"
              value={v.kind}
              onChange={(kind) => form.set('kind', kind as typeof v.kind)}
              options={[
                { value: 'static', label: 'Chosen by hand' },
                { value: 'dynamic', label: 'By a query' },
              ]}
            />
            <p className="text-12 text-ink-3">
              {dynamic
                ? 'Devices come and go by themselves, as they fit.'
                : 'Devices stay until you take them out.'}
            </p>
          </div>
        )}
        <TextField
          label="Name"
          autoFocus
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
          placeholder="Cold stores"
        />
        {!group && (
          <TextField
            label="Group id"
            mono
            value={id}
            onChange={(e) => {
              form.set('ownId', true);
              form.set('group_id', e.target.value.trim());
            }}
            fault={form.fault('group_id')}
            help="Searches name it: group:ID. It can't be changed later."
          />
        )}
        <TextField
          label="Description"
          optional
          value={v.description}
          onChange={(e) => form.set('description', e.target.value)}
          fault={form.fault('description')}
        />
        {dynamic && (
          <QueryField
            value={v.query}
            onChange={(line) => {
              form.set('query', line);
              if (aboutQuery) form.setError(null);
            }}
            fault={aboutQuery ? message : undefined}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}
