import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { api, callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { templates, type TemplateDetail } from '@/api/templates';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { download } from '@/lib/csv';
import { many } from '@/lib/numbers';
import { useCrumbName } from '@/shell/crumb-name';
import { Button, ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { copyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader, Tag } from '@/ui/page';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { categories } from './categories';
import { CommandDialog } from './command-dialog';
import { EditTemplate } from './edit-template';
import { taken } from './example';
import { ExamplePanel } from './example-panel';
import { MetricDialog } from './metric-dialog';
import { PartTable } from './part-table';
import { useTemplate, useTemplates, useTemplateWrite } from './queries';
import { SlotDialog } from './slot-dialog';
import { SlotsPicture } from './slots-picture';
import { VersionsPanel } from './versions-panel';

const yes = (on: boolean) => (on ? '✓ required' : '');
const key = (text: string) => <span className="font-mono text-12 text-ink-2">{text}</span>;

async function save(t: TemplateDetail): Promise<void> {
  try {
    const document = await templates.document(t.id);
    const text = `${JSON.stringify(document, null, 2)}\n`;
    download(`${t.slug}.template.json`, new Blob([text], { type: 'application/json' }));
  } catch (error) {
    toast.error(`${t.name} was not exported: ${asApiError(error).message}`);
  }
}

function DeleteTemplate({ template: t, onClose }: { template: TemplateDetail; onClose: () => void }) {
  const navigate = useNavigate();
  const remove = useTemplateWrite(() => templates.remove(t.id), {
    onSuccess: () => {
      toast.success(`${t.name} is deleted`);
      void navigate('/templates');
    },
  });
  const used = remove.error !== null && asApiError(remove.error).status === 409;
  return (
    <Confirm
      title={`Delete ${t.name}?`}
      action="Delete template"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        Its {many(t.metrics.length, 'metric')}, {many(t.commands.length, 'command')},{' '}
        {many(t.slots.length, 'slot')} and all versions go with it. This can not be undone; an export keeps a copy.
      </p>
      {(t.device_count > 0 || used) && (
        <p>
          {many(t.device_count, 'device')} of it {t.device_count === 1 ? 'is' : 'are'} there: give them another
          template first.{' '}
          <Link className="text-accent underline" to={`/devices?q=${encodeURIComponent(`template:${t.id}`)}`}>
            Show them
          </Link>
        </p>
      )}
    </Confirm>
  );
}

function Parts({ template: t }: { template: TemplateDetail }) {
  const all = useTemplates(undefined, t.slots.length > 0);
  const nameOf = (id: number) => all.data?.find((x) => x.id === id)?.name ?? `#${id}`;
  return (
    <>
      <PartTable
        title="Metrics"
        one="metric"
        kind="metrics"
        template={t}
        parts={t.metrics}
        empty="No metrics yet. A metric has a key, a unit and a range; devices of this template show it with them from their first message."
        loss="Values that were stored stay, and so do sensors of devices."
        columns={[
          {
            label: 'Name',
            cell: (m) => (
              <>
                <span className="block font-medium">{m.display_name}</span>
                {key(m.metric_key)}
              </>
            ),
          },
          { label: 'Takes', cell: taken },
          { label: 'Decimals', cell: (m) => <span className="num">{m.precision_digits}</span>, wide: true },
          { label: 'Required', cell: (m) => yes(m.is_required), wide: true },
        ]}
        form={(metric, close) => <MetricDialog template={t} metric={metric} onClose={close} />}
      />
      <PartTable
        title="Commands"
        one="command"
        kind="commands"
        template={t}
        parts={t.commands}
        empty="No commands yet. A command with a schema of its parameters is checked before it is sent."
        loss="Devices still take it; its parameters are no longer checked."
        columns={[
          {
            label: 'Name',
            cell: (c) => (
              <>
                <span className="block font-medium">{c.display_name}</span>
                {key(c.command_key)}
              </>
            ),
          },
          {
            label: 'Parameters',
            cell: (c) => Object.keys((c.parameters_schema?.properties as object) ?? {}).join(', ') || 'none described',
          },
          { label: 'Description', cell: (c) => <span className="text-ink-2">{c.description ?? ''}</span>, wide: true },
        ]}
        form={(command, close) => <CommandDialog template={t} command={command} onClose={close} />}
      />
      <PartTable
        title="Slots"
        one="slot"
        kind="slots"
        template={t}
        parts={t.slots}
        empty="No slots. A slot is room for modules: an expansion port, a bus, a radio for sensors."
        loss="Modules that are installed there stay on their devices."
        columns={[
          {
            label: 'Name',
            cell: (s) => (
              <>
                <span className="block font-medium">{s.display_name}</span>
                {key(s.slot_key)}
              </>
            ),
          },
          { label: 'Interface', cell: (s) => `${s.slot_type}, ${s.interface_type}` },
          { label: 'Modules', cell: (s) => <span className="num">{s.max_devices ?? 'any number'}</span>, wide: true },
          {
            label: 'Takes',
            cell: (s) => s.compatible_templates?.map(nameOf).join(', ') ?? 'any module',
            wide: true,
          },
        ]}
        form={(slot, close) => <SlotDialog template={t} slot={slot} onClose={close} />}
      >
        {t.slots.length > 0 && (
          <div className="border-b">
            <SlotsPicture device={t.name} slots={t.slots} />
          </div>
        )}
      </PartTable>
    </>
  );
}

export default function TemplatePage() {
  const { templateId = '' } = useParams();
  const id = Number(templateId);
  const navigate = useNavigate();
  const query = useTemplate(Number.isInteger(id) ? id : null);
  const [asking, setAsking] = useState<'edit' | 'delete' | null>(null);
  const t = query.data;
  useTitle(t?.name ?? 'Template');
  useCrumbName(`/templates/${templateId}`, t?.name);
  const clone = useTemplateWrite(() => api.cloneTemplate(id), {
    onSuccess: (made) => {
      toast.success(`${made.name} is yours now`);
      void navigate(`/templates/${made.id}`);
    },
    onError: (error) => toast.error(`It was not cloned: ${asApiError(error).message}`),
  });

  if (!Number.isInteger(id) || (query.error && asApiError(query.error).status === 404))
    return (
      <div className="panel">
        <Empty
          title="There is no such template"
          action={
            <ButtonLink kind="primary" to="/templates">
              All templates
            </ButtonLink>
          }
        >
          It may have been deleted, or belong to another organization.
        </Empty>
      </div>
    );
  if (query.error && !t)
    return (
      <div className="panel">
        <Failure error={query.error} what="The template" retry={() => void query.refetch()} />
      </div>
    );
  if (!t)
    return (
      <div role="status" aria-label="Loading template" className="flex flex-col gap-4">
        <Skeleton className="h-7 w-64" />
        <Skeleton className="h-80" />
      </div>
    );
  return (
    <>
      <PageHeader
        title={t.name}
        facts={
          <>
            <span>{categories[t.category] ?? t.category}</span>
            <Tag>{t.source === 'system' ? 'system, locked' : 'your own'}</Tag>
            <span>version {t.version}</span>
            <Link
              className="hover:underline"
              to={`/devices?q=${encodeURIComponent(`template:${t.id}`)}`}
            >
              {many(t.device_count, 'device')}
            </Link>
            <span>
              changed <Ago at={t.updated_at} />
            </span>
          </>
        }
        actions={
          <>
            {t.is_locked ? (
              <GatedButton
                needs={needs.cloneTemplate}
                kind="primary"
                busy={clone.isPending}
                onClick={() => clone.mutate(undefined)}
              >
                Clone to change
              </GatedButton>
            ) : (
              <GatedButton needs={needs.editTemplate} onClick={() => setAsking('edit')}>
                Edit
              </GatedButton>
            )}
            <Menu
              trigger={
                <Button aria-label="More actions">
                  <MoreIcon />
                </Button>
              }
            >
              <GatedItem needs={needs.cloneTemplate} onSelect={() => clone.mutate(undefined)}>
                Clone
              </GatedItem>
              <MenuItem onSelect={() => void save(t)}>Export as JSON</MenuItem>
              <MenuItem onSelect={() => void copyCall(callPath(`/templates/${t.id}`))}>
                Copy the call as curl
              </MenuItem>
              {!t.is_locked && (
                <GatedItem needs={needs.deleteTemplate} danger onSelect={() => setAsking('delete')}>
                  Delete
                </GatedItem>
              )}
            </Menu>
          </>
        }
      />
      {t.description && <p className="-mt-1 mb-3 max-w-prose text-ink-2">{t.description}</p>}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <Parts template={t} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <ExamplePanel template={t} />
          <VersionsPanel template={t} />
        </div>
      </div>
      {asking === 'edit' && <EditTemplate template={t} onClose={() => setAsking(null)} />}
      {asking === 'delete' && <DeleteTemplate template={t} onClose={() => setAsking(null)} />}
    </>
  );
}
