// What watches the fleet, and who is told: four tabs in one place.
import { Suspense, type ComponentType } from 'react';
import { Link } from 'react-router';
import { cx } from '@/lib/cx';
import { useUrl } from '@/lib/use-url';
import { SkeletonRows } from '@/ui/states';
import { RuleList } from './rule-list';

interface RulesTab {
  key: string;
  label: string;
  /** What the tab shows here; without it the tab leads to a page of its own. */
  Part?: ComponentType;
  to?: string;
}

const tabs: readonly RulesTab[] = [
  { key: 'alert-rules', label: 'Alert rules', Part: RuleList },
  { key: 'escalation', label: 'Escalation', to: '/escalation-policies' },
  { key: 'oncall', label: 'On call', to: '/oncall' },
  { key: 'maintenance', label: 'Maintenance', to: '/maintenance-windows' },
];

export default function RulesPage() {
  const { get } = useUrl();
  const at = tabs.find((t) => t.key === get('tab') && t.Part) ?? tabs[0]!;
  const Part = at.Part!;
  return (
    <>
      <nav aria-label="Rules and who is told" className="mb-3 flex gap-1 overflow-x-auto border-b">
        {tabs.map((t) => (
          <Link
            key={t.key}
            to={t.to ?? (t === tabs[0] ? '/rules' : `/rules?tab=${t.key}`)}
            aria-current={t === at ? 'page' : undefined}
            className={cx(
              '-mb-px border-b-2 px-3 py-1.5 whitespace-nowrap focus-visible:-outline-offset-2',
              t === at
                ? 'border-accent font-medium text-ink'
                : 'border-transparent text-ink-2 hover:text-ink',
            )}
          >
            {t.label}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<SkeletonRows rows={4} />}>
        <Part />
      </Suspense>
    </>
  );
}
