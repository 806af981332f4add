import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { rulesApi, type AlertRule } from '@/api/rules';
import { GatedButton, GatedLink, useWhyNot } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { Severity } from '@/features/alerts/severity';
import { download } from '@/lib/csv';
import { cx } from '@/lib/cx';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyCall } from '@/ui/copy-call';
import { DownIcon, MoreIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { ImportRules } from './import-rules';
import { useRules, useRuleWrite } from './queries';
import { whenOf, whereOf, type PlaceNames } from './sentence';
import { TemplatesDialog } from './templates-dialog';
import { usePlaceNames } from './use-place-names';

/** On and off, at once; what would close alerts is asked for first. */
function Enabled({ rule }: { rule: AlertRule }) {
  const why = useWhyNot(needs.editRule);
  const [asking, setAsking] = useState(false);
  const turn = useRuleWrite(() => rulesApi.update(rule.rule_id, { enabled: !rule.enabled }), {
    onSuccess: (r) => {
      toast.success(`${r.name} is ${r.enabled ? 'at work' : 'off'}`);
      setAsking(false);
    },
  });
  return (
    <>
      <button
        type="button"
        role="switch"
        aria-checked={rule.enabled}
        aria-label={`${rule.name} is at work`}
        title={why}
        disabled={turn.isPending || why !== undefined}
        onClick={() => (rule.enabled && rule.open_alerts > 0 ? setAsking(true) : turn.mutate(undefined))}
        className={cx(
          'relative h-5 w-9 shrink-0 rounded-full border disabled:opacity-55',
          rule.enabled ? 'border-accent bg-accent' : 'border-line-strong bg-surface-2',
        )}
      >
        <span
          className={cx(
            'absolute top-0.5 size-3.5 rounded-full',
            rule.enabled ? 'right-0.5 bg-accent-ink' : 'left-0.5 bg-ink-3',
          )}
        />
      </button>
      {asking && (
        <Confirm
          title={`Switch ${rule.name} off?`}
          action="Switch off"
          busy={turn.isPending}
          onConfirm={() => turn.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          <p>
            Its {many(rule.open_alerts, 'open alert')} will be closed, and nobody is told any more. Closed alerts
            don&apos;t come back when it is switched on again.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Row({
  rule: r,
  names,
  onDelete,
}: {
  rule: AlertRule;
  names: PlaceNames;
  onDelete: () => void;
}) {
  const navigate = useNavigate();
  const to = `/rules/${r.rule_id}`;
  return (
    <li
      data-rule={r.name}
      className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 border-b px-3 py-2.5 last:border-b-0"
    >
      <Enabled rule={r} />
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2">
          <Link to={to} className="min-w-0 font-medium break-words hover:underline">
            {r.name}
          </Link>
          <Severity of={r.severity} />
          {r.open_alerts > 0 && (
            <Link to={`/alerts?status=ACTIVE&rule=${r.rule_id}`} className="num text-12 text-critical hover:underline">
              {many(r.open_alerts, 'open alert')}
            </Link>
          )}
        </p>
        <p className={cx('break-words', r.enabled ? 'text-ink-2' : 'text-ink-3')}>
          When {whenOf(r)} <span className="text-ink-3">{whereOf(r, names)}</span>
        </p>
      </div>
      <Menu
        trigger={
          <Button kind="quiet" small aria-label={`More for ${r.name}`}>
            <MoreIcon />
          </Button>
        }
      >
        <MenuItem onSelect={() => void navigate(to)}>Open</MenuItem>
        <GatedItem needs={needs.createRule} onSelect={() => void navigate(`/rules/new?from=${r.rule_id}`)}>
          Copy
        </GatedItem>
        <GatedItem needs={needs.deleteRule} danger onSelect={onDelete}>
          Delete
        </GatedItem>
      </Menu>
    </li>
  );
}

const fits = (r: AlertRule, names: PlaceNames, words: string) =>
  `${r.name} ${whenOf(r)} ${whereOf(r, names)} ${r.description ?? ''}`
    .toLowerCase()
    .includes(words.trim().toLowerCase());

export function RuleList() {
  useTitle('Rules');
  const { get, set } = useUrl();
  const navigate = useNavigate();
  const rules = useRules();
  const names = usePlaceNames();
  const [leaving, setLeaving] = useState<AlertRule | null>(null);
  const words = get('q') ?? '';
  const remove = useRuleWrite(rulesApi.remove, { onError: () => undefined });
  const save = useRuleWrite(rulesApi.exportAll, {
    onSuccess: (document) =>
      download('alert-rules.json', JSON.stringify(document, null, 2), 'application/json'),
  });
  const add = (
    <GatedLink needs={needs.createRule} kind="primary" to="/rules/new">
      New rule
    </GatedLink>
  );
  const templates = (
    <GatedButton needs={needs.applyRuleTemplates} onClick={() => set({ dialog: 'templates' })}>
      Templates
    </GatedButton>
  );
  const shown = rules.data?.filter((r) => fits(r, names, words)) ?? [];
  return (
    <>
      <PageHeader
        title="Rules"
        facts={
          rules.data && (
            <span>
              {many(rules.data.length, 'rule')}, {rules.data.filter((r) => r.enabled).length} at work
            </span>
          )
        }
        actions={
          <>
            <Menu
              trigger={
                <Button>
                  More <DownIcon />
                </Button>
              }
            >
              <GatedItem needs={needs.createRule} onSelect={() => set({ dialog: 'import' })}>
                Import rules
              </GatedItem>
              <MenuItem onSelect={() => save.mutate(undefined)}>Export all rules</MenuItem>
              <MenuItem onSelect={() => void navigate('/metrics')}>Names of metrics</MenuItem>
            </Menu>
            <span className="hidden sm:contents">
              <CopyCall path={callPath('/alert-rules')} />
            </span>
            {templates}
            {add}
          </>
        }
      />
      {(rules.data?.length ?? 0) > 0 && (
        <div className="mb-2.5 max-w-80">
          <SearchField label="Search rules" placeholder="Search rules" value={words} onChange={(q) => set({ q })} />
        </div>
      )}
      <div className="panel">
        {rules.error && !rules.data ? (
          <Failure error={rules.error} what="Rules" retry={() => void rules.refetch()} />
        ) : rules.isPending ? (
          <SkeletonRows rows={4} label="Loading rules" />
        ) : rules.data.length === 0 ? (
          <Empty
            title="Nothing watches your devices yet"
            action={
              <>
                {add}
                {templates}
              </>
            }
          >
            A rule says when somebody should be told: “when temperature is above 30 for 5 minutes”.
            Before you save it, you see when it would have fired in the last days. Templates give you
            the usual ones.
          </Empty>
        ) : shown.length === 0 ? (
          <Empty title="No rule has these words" />
        ) : (
          <ul>
            {shown.map((r) => (
              <Row
                key={r.rule_id}
                rule={r}
                names={names}
                onDelete={() => setLeaving(r)}
              />
            ))}
          </ul>
        )}
      </div>
      {get('dialog') === 'templates' && <TemplatesDialog onClose={() => set({ dialog: null })} />}
      {get('dialog') === 'import' && <ImportRules onClose={() => set({ dialog: null })} />}
      {leaving && (
        <Removal
          title={`Delete ${leaving.name}?`}
          run={() => remove.mutateAsync(leaving.rule_id)}
          told="The rule is deleted"
          onClose={() => setLeaving(null)}
        >
          <p>
            {leaving.open_alerts > 0
              ? `Its ${many(leaving.open_alerts, 'open alert')} will be closed. `
              : ''}
            This can't be undone; “Export all rules” keeps a copy.
          </p>
        </Removal>
      )}
    </>
  );
}
