// A rule for who reads it and may not change it.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { AlertRule } from '@/api/rules';
import { GatedButton } from '@/auth/gated';
import { Severity } from '@/features/alerts/severity';
import { usePolicies } from '@/features/escalation/queries';
import { many } from '@/lib/numbers';
import { LinkedText } from '@/ui/linked-text';
import { Panel } from '@/ui/page';
import { Ago } from '@/ui/time';
import { lasting, plain, whenOf, whereOf } from './sentence';
import { usePlaceNames } from './use-place-names';

/** "when that no longer holds", "when the value passes 28, for 5 min". */
function overWords(r: AlertRule): string {
  const at = r.clear_threshold == null ? 'when that no longer holds' : `when the value passes ${plain(r.clear_threshold)}`;
  return r.clear_after_seconds ? `${at}, for ${lasting(r.clear_after_seconds)}` : at;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

export function RuleView({ rule: r, needed }: { rule: AlertRule; needed: string }) {
  const names = usePlaceNames();
  const policies = usePolicies();
  const policy = policies.data?.find((p) =>
    r.escalation_policy_id == null ? p.is_default : p.policy_id === r.escalation_policy_id,
  );
  return (
    <Panel
      title="The rule"
      className="max-w-180"
      aside={
        <GatedButton needs={needed} small>
          Edit
        </GatedButton>
      }
    >
      <div className="flex flex-col gap-4 px-3 py-3 sm:px-4" data-testid="rule-view">
        <p className="text-15">
          When {whenOf(r)}, {whereOf(r, names)}.
        </p>
        <dl className="grid grid-cols-[7.5rem_minmax(0,1fr)] gap-x-3 gap-y-1">
          <Fact name="Raises">
            <Severity of={r.severity} />
          </Fact>
          <Fact name="It is over">{overWords(r)}</Fact>
          <Fact name="Escalates by">{policy?.name ?? 'no policy'}</Fact>
          <Fact name="State">{r.enabled ? 'at work' : 'off'}</Fact>
          <Fact name="Open alerts">
            {r.open_alerts > 0 ? (
              <Link to={`/alerts?status=ACTIVE&rule=${r.rule_id}`} className="num text-critical hover:underline">
                {many(r.open_alerts, 'open alert')}
              </Link>
            ) : (
              'none'
            )}
          </Fact>
          <Fact name="Changed">
            <Ago at={r.updated_at} />
          </Fact>
          {r.description && (
            <Fact name="What to do">
              <LinkedText text={r.description} />
            </Fact>
          )}
        </dl>
      </div>
    </Panel>
  );
}
