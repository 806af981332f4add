import { Link, useNavigate } from 'react-router';
import { toast } from 'sonner';
import { api, callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { Template } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { categories } from './categories';
import { ImportDialog } from './import-dialog';
import { NewTemplate } from './new-template';
import { useTemplates, useTemplateWrite } from './queries';

function TemplateRow({ template: t }: { template: Template }) {
  const navigate = useNavigate();
  const clone = useTemplateWrite(() => api.cloneTemplate(t.id), {
    onSuccess: (made) => {
      toast.success(`${made.name} is yours now`);
      void navigate(`/templates/${made.id}`);
    },
    onError: (error) => toast.error(`${t.name} was not cloned: ${asApiError(error).message}`),
  });
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-2 last:border-b-0 hover:bg-surface-2 md:grid-cols-[minmax(0,1.4fr)_10rem_minmax(0,1fr)_8rem_auto]">
      <div className="min-w-0">
        <Link
          to={`/templates/${t.id}`}
          className="block truncate font-medium hover:underline"
        >
          {t.name}
        </Link>
        <span className="block truncate text-12 text-ink-3">{t.description ?? t.slug}</span>
      </div>
      <span className="hidden text-ink-2 md:block">{categories[t.category] ?? t.category}</span>
      <span className="hidden truncate text-ink-2 md:block">
        {[t.manufacturer, t.model].filter(Boolean).join(' ')}
      </span>
      <span className="hidden text-ink-3 md:block">
        <Ago at={t.created_at} never="" />
      </span>
      <GatedButton
        needs={needs.cloneTemplate}
        small
        busy={clone.isPending}
        onClick={() => clone.mutate(undefined)}
        aria-label={`Clone ${t.name}`}
      >
        Clone
      </GatedButton>
    </li>
  );
}

export default function TemplatesPage() {
  useTitle('Templates');
  const templates = useTemplates();
  const navigate = useNavigate();
  const { params, set } = useUrl();
  const text = params.get('q') ?? '';
  const kind = params.get('category') ?? '';
  const source = params.get('source') ?? '';
  const low = text.trim().toLowerCase();
  const fits = (t: Template) =>
    (kind === '' || t.category === kind) &&
    [t.name, t.slug, t.manufacturer ?? '', t.model ?? '', t.description ?? ''].some((x) =>
      x.toLowerCase().includes(low),
    );
  const all = templates.data ?? [];
  const own = all.filter((t) => t.source === 'tenant');
  const system = all.filter((t) => t.source === 'system');
  const create = (
    <GatedButton
      needs={needs.createTemplate}
      kind="primary"
      onClick={() => set({ new: '1' })}
    >
      New template
    </GatedButton>
  );
  const list = (items: Template[]) => (
    <ul>
      {items.filter(fits).map((t) => (
        <TemplateRow key={t.id} template={t} />
      ))}
      {items.length > 0 && items.filter(fits).length === 0 && (
        <li className="px-3 py-3 text-ink-2">None of these fits the filter.</li>
      )}
    </ul>
  );
  return (
    <>
      <PageHeader
        title="Templates"
        facts={templates.data && <span>{many(own.length, 'template')} of your own</span>}
        actions={
          <>
            <CopyCall path={callPath('/templates')} />
            <GatedButton needs={needs.createTemplate} onClick={() => set({ import: '1' })}>
              Import
            </GatedButton>
            {create}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Filter templates"
          placeholder="Name, maker or model"
          value={text}
          onChange={(q) => set({ q })}
        />
        <Segmented
          label="Whose"
          value={source}
          onChange={(v) => set({ source: v })}
          options={[
            { value: '', label: 'All' },
            { value: 'tenant', label: 'Yours' },
            { value: 'system', label: 'System' },
          ]}
        />
        <select
          aria-label="Kind"
          value={kind}
          onChange={(e) => set({ category: e.target.value })}
          className="h-8 rounded-m border border-line-strong bg-surface px-2"
        >
          <option value="">All kinds</option>
          {Object.entries(categories).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {templates.error && !templates.data ? (
        <div className="panel">
          <Failure error={templates.error} what="Templates" retry={() => void templates.refetch()} />
        </div>
      ) : (
        <div className="flex flex-col gap-4">
          {source !== 'system' && (
            <Panel title="Your templates">
              {templates.isPending ? (
                <SkeletonRows rows={3} label="Loading templates" />
              ) : own.length === 0 ? (
                <Empty title="None of your own yet" action={create}>
                  A template says what a kind of device measures, with units and ranges, so that each
                  new device has them from its first minute. Clone one below and change what differs.
                </Empty>
              ) : (
                list(own)
              )}
            </Panel>
          )}
          {source !== 'tenant' && (
            <Panel title="System templates" aside="shared and locked; clone to change">
              {templates.isPending ? (
                <SkeletonRows rows={4} label="Loading templates" />
              ) : system.length === 0 ? (
                <p className="px-3 py-4 text-ink-2">This installation ships none.</p>
              ) : (
                list(system)
              )}
            </Panel>
          )}
        </div>
      )}
      {params.get('new') === '1' && (
        <NewTemplate
          onClose={() => set({ new: null })}
          onCreated={(id) => void navigate(`/templates/${id}`)}
        />
      )}
      {params.get('import') === '1' && <ImportDialog onClose={() => set({ import: null })} />}
    </>
  );
}
