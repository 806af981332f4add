import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { people } from '@/api/people';
import { templates, type TemplateDetail, type TemplateVersion } from '@/api/templates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { changesBetween, inWords, type Change } from './diff';
import { useTemplateVersions, useTemplateWrite } from './queries';

const marks = { added: '+', removed: '−', changed: '≠' } as const;
const colours = { added: 'text-online', removed: 'text-critical', changed: 'text-info' } as const;

/** Changes with a mark, a colour and a word each. */
export function ChangeList({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return <p className="text-ink-2">Nothing that a template holds differs.</p>;
  return (
    <ul className="flex flex-col gap-1 text-12" data-testid="changes">
      {changes.map((c) => (
        <li key={c.path} className="min-w-0 break-words">
          <span className={colours[c.kind]}>
            <span aria-hidden="true">{marks[c.kind]} </span>
            {c.kind}
          </span>{' '}
          <span className="font-mono text-ink-2">{c.path}</span>
          {c.kind === 'changed' ? (
            <>
              : <del className="text-ink-3">{inWords(c.before)}</del> → <ins className="no-underline">{inWords(c.after)}</ins>
            </>
          ) : (
            <>: {inWords(c.kind === 'added' ? c.after : c.before)}</>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Who made a version: by email for whom may see the team. */
function Author({ id }: { id: string }) {
  const { may } = usePermissions();
  const member = useQuery({
    queryKey: ['users', 'one', id],
    queryFn: () => people.member(id),
    enabled: may(needs.seeTeam),
    staleTime: 300_000,
    retry: false,
  });
  return <span title={id}>{member.data?.email ?? `${id.slice(0, 8)}…`}</span>;
}

/** Every version with what it changed; an earlier one can be brought back. */
export function VersionsPanel({ template }: { template: TemplateDetail }) {
  const query = useTemplateVersions(template.id);
  const [open, setOpen] = useState<number | null>(null);
  const [asking, setAsking] = useState<TemplateVersion | null>(null);
  const restore = useTemplateWrite((version: number) => templates.restore(template.id, version), {
    onSuccess: (made) => {
      toast.success(`Restored, as version ${made.version}`);
      setAsking(null);
    },
  });
  const versions = [...(query.data ?? [])].sort((a, b) => b.version - a.version);
  const latest = versions[0];
  return (
    <Panel title="Versions" aside={latest && <span className="num">now {template.version}</span>}>
      {query.error && !query.data ? (
        <Failure error={query.error} what="The versions" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows rows={3} label="Loading versions" />
      ) : versions.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">Each change of this template makes a version here.</p>
      ) : (
        <ul>
          {versions.map((v, i) => {
            const before = versions[i + 1];
            return (
              <li key={v.version} data-version={v.version} className="border-b last:border-b-0">
                <div className="flex min-h-9 items-center gap-x-3 px-3 py-1">
                  <button
                    type="button"
                    aria-expanded={open === v.version}
                    onClick={() => setOpen(open === v.version ? null : v.version)}
                    className="num font-medium whitespace-nowrap hover:underline"
                  >
                    {open === v.version ? '▾' : '▸'} Version {v.version}
                  </button>
                  <span className="min-w-0 truncate text-12 text-ink-2">
                    <Ago at={v.changed_at} />
                    {v.changed_by && (
                      <>
                        {' by '}
                        <Author id={v.changed_by} />
                      </>
                    )}
                  </span>
                  {i > 0 && !template.is_locked && (
                    <GatedButton
                      needs={needs.editTemplate}
                      small
                      kind="quiet"
                      className="ml-auto"
                      aria-label={`Restore version ${v.version}`}
                      onClick={() => setAsking(v)}
                    >
                      Restore
                    </GatedButton>
                  )}
                </div>
                {open === v.version && (
                  <div className="border-t bg-surface-2 px-3 py-2">
                    {before ? (
                      <ChangeList changes={changesBetween(before.document, v.document)} />
                    ) : (
                      <p className="text-ink-2">The first version that is kept.</p>
                    )}
                  </div>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {asking && latest && (
        <Confirm
          title={`Restore version ${asking.version}?`}
          action="Restore"
          danger={false}
          busy={restore.isPending}
          error={restore.error}
          onConfirm={() => restore.mutate(asking.version)}
          onClose={() => {
            restore.reset();
            setAsking(null);
          }}
        >
          <p>It becomes a new version; none is lost. This changes:</p>
          <ChangeList changes={changesBetween(latest.document, asking.document)} />
        </Confirm>
      )}
    </Panel>
  );
}
