// A rule that reads as a sentence, with what it would have done beside it.
import { useId, useState, type FormEvent } from 'react';
import { useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { rulesApi, type RuleInput } from '@/api/rules';
import { GatedButton, GatedLink } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { usePolicies } from '@/features/escalation/queries';
import { useUrl } from '@/lib/use-url';
import { useCrumbName } from '@/shell/crumb-name';
import { ButtonLink } from '@/ui/button';
import { AreaField, Segmented, TextField } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { ActionError, Empty, Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { draftOf, emptyDraft, faultsOf, mayClearApart, ruleOf, type Draft } from './draft';
import { PreviewPanel } from './preview-panel';
import { useMetricReference, useRule, useRuleWrite } from './queries';
import { RuleView } from './rule-view';
import { usePlaceNames } from './use-place-names';
import { severities } from './sentence';
import { Chip, Chips, Clause, Pick, Together, Type } from './sentence-fields';
import { WhenFields } from './when-fields';

const types = [
  { value: 'threshold', label: 'A value' },
  { value: 'window', label: 'Over a window' },
  { value: 'anomaly', label: 'Unusual' },
  { value: 'telemetry_gap', label: 'Missing' },
];

const options = (names: ReadonlyMap<string, string>) =>
  [...names].map(([value, label]) => ({ value, label }));

const fault = (words: string | undefined) =>
  words && (
    <p role="alert" className="text-12 text-critical">
      ▲ {words}
    </p>
  );

function Sentence({
  draft: d,
  set,
  faults,
}: {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  faults: Record<string, string>;
}) {
  const metrics = useId();
  const names = usePlaceNames();
  const reference = useMetricReference();
  const policies = usePolicies().data ?? [];
  const usual = policies.find((p) => p.is_default);
  const known = [
    ...(reference.data?.normalized_metrics ?? []),
    ...(reference.data?.raw_metrics ?? []),
  ];
  return (
    <div className="flex flex-col gap-3 text-15">
      <Segmented
        label="What is looked at"
        className="self-start text-13"
        options={types}
        value={d.type}
        onChange={(type) =>
          set({
            type: type as Draft['type'],
            metric: d.metric || d.conditions[0]!.metric,
            ...(type === 'anomaly' && Number(d.windowMinutes) < 5 ? { windowMinutes: '60' } : {}),
          })
        }
      />
      <datalist id={metrics}>
        {known.map((m) => (
          <option key={m.name} value={m.name} />
        ))}
      </datalist>
      <WhenFields draft={d} set={set} metrics={metrics} />
      {fault(faults.when)}
      <Clause>
        on devices at
        <Chips label="Site" none="all sites" known={options(names.sites)} chosen={d.sites} onChange={(sites) => set({ sites })} />
        in
        <Chips label="Group" none="all groups" known={options(names.groups)} chosen={d.groups} onChange={(groups) => set({ groups })} />
        {d.deviceGroup && (
          <Together>
            and also in
            <Chip name={names.groups.get(d.deviceGroup) ?? d.deviceGroup} onRemove={() => set({ deviceGroup: '' })} />
          </Together>
        )}
        of type
        <Type
          label="Type of devices"
          number={false}
          width="w-28"
          placeholder="any"
          value={d.deviceType}
          onChange={(deviceType) => set({ deviceType })}
        />
      </Clause>
      <Clause>
        raise an alert that is
        <Pick label="Severity" options={severities} value={d.severity} onChange={(severity) => set({ severity })} />
        and, while nobody reacts, escalate by
        <Pick
          label="Escalation policy"
          options={[
            { value: '', label: usual ? `the default (${usual.name})` : 'no policy' },
            ...policies.map((p) => ({ value: String(p.policy_id), label: p.name })),
          ]}
          value={d.policy}
          onChange={(policy) => set({ policy })}
        />
      </Clause>
      {(d.type === 'threshold' || d.type === 'window') && (
        <Clause>
          {mayClearApart(d) ? (
            <>
              It is over when the value passes
              <Type
                label="Value at which it is over"
                width="w-24"
                placeholder="the same"
                value={d.clearThreshold}
                onChange={(clearThreshold) => set({ clearThreshold })}
              />
              and stays there for
            </>
          ) : (
            'It is over when that no longer holds, for'
          )}
          <Together>
            <Type
              label="Seconds until it is over"
              width="w-14"
              value={d.clearAfter}
              onChange={(clearAfter) => set({ clearAfter })}
            />
            s
          </Together>
        </Clause>
      )}
      {fault(faults.clear)}
    </div>
  );
}

function Editor({ initial, id }: { initial: Draft; id: string | null }) {
  const navigate = useNavigate();
  const { may } = usePermissions();
  const [draft, setDraft] = useState(initial);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const faults = faultsOf(draft);
  const shown = tried ? faults : {};
  const { name: _name, ...ofRule } = faults;
  const whole = Object.keys(ofRule).length === 0;
  const save = useRuleWrite(
    (rule: RuleInput) => (id ? rulesApi.update(id, rule) : rulesApi.create(rule)),
    {
      onSuccess: (rule) => {
        toast.success(`${rule.name} is ${rule.enabled ? 'at work' : 'saved, and off'}`);
        void navigate('/rules');
      },
      onError: () => undefined,
    },
  );
  const send = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (Object.keys(faults).length === 0 && !save.isPending) save.mutate(ruleOf(draft));
  };
  return (
    <form onSubmit={send} noValidate className="grid items-start gap-4 xl:grid-cols-2">
      <Panel title="The rule">
        <div className="flex flex-col gap-4 px-3 py-3 sm:px-4">
          <TextField
            label="Name"
            value={draft.name}
            maxLength={100}
            onChange={(e) => set({ name: e.target.value })}
            fault={shown.name}
            placeholder="Cold store too warm"
          />
          <Sentence draft={draft} set={set} faults={shown} />
          <AreaField
            label="What to do then"
            optional
            rows={2}
            value={draft.description}
            onChange={(description) => set({ description })}
          />
          <ActionError error={save.error} />
          <div className="flex flex-wrap justify-end gap-2">
            <ButtonLink to="/rules">Cancel</ButtonLink>
            <GatedButton
              needs={id ? needs.editRule : needs.createRule}
              kind="primary"
              type="submit"
              busy={save.isPending}
            >
              {id ? 'Save' : 'Create rule'}
            </GatedButton>
          </div>
        </div>
      </Panel>
      {/* The server judges for whoever may make rules. */}
      {may(needs.createRule) && <PreviewPanel rule={whole ? ruleOf(draft) : null} />}
    </form>
  );
}

/** A new rule, one like another (`?from=`), or one that is there. */
export default function RuleEditor() {
  const { ruleId } = useParams();
  const { get } = useUrl();
  const id = ruleId && ruleId !== 'new' ? ruleId : null;
  const source = id ?? get('from');
  const rule = useRule(source);
  const { known, may } = usePermissions();
  // Who may not change it reads it.
  const reads = known && !may(id ? needs.editRule : needs.createRule);
  const title = id ? (rule.data?.name ?? 'Rule') : 'New rule';
  useTitle(title);
  useCrumbName(`/rules/${ruleId}`, title);
  return (
    <>
      <PageHeader title={title} />
      {source && rule.error && !rule.data ? (
        <div className="panel">
          <Failure error={rule.error} what="The rule" retry={() => void rule.refetch()} />
        </div>
      ) : source && !rule.data ? (
        <div role="status" aria-label="Loading the rule">
          <Skeleton className="h-80" />
        </div>
      ) : reads ? (
        rule.data ? (
          <RuleView rule={rule.data} needed={id ? needs.editRule : needs.createRule} />
        ) : (
          <div className="panel">
            <Empty
              title="Your roles make no rules"
              action={<GatedLink needs={needs.createRule} to="/rules/new">New rule</GatedLink>}
            >
              Those that are there can be read in the list of rules.
            </Empty>
          </div>
        )
      ) : (
        <Editor
          key={source ?? 'new'}
          id={id}
          initial={
            rule.data
              ? { ...draftOf(rule.data), ...(id ? {} : { name: `${rule.data.name} (copy)` }) }
              : {
                  ...emptyDraft(),
                  conditions: [{ metric: get('metric') ?? '', operator: 'GT', threshold: '', minutes: '' }],
                }
          }
        />
      )}
    </>
  );
}
