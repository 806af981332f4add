// What watches the fleet, and who is told: four tabs in one place.
import { Suspense, type ComponentType } from 'react';
import { Link } from 'react-router';
import { cx } from '@/lib/cx';
import { lazyPart } from '@/lib/lazy-part';
import { useUrl } from '@/lib/use-url';
import { SkeletonRows } from '@/ui/states';
import { RuleList } from './rule-list';

interface RulesTab {
  /** Its name in the address, `?tab=oncall`; the first one's is left out. */
  key: string;
  label: string;
  Part: ComponentType;
}

const tabs: readonly RulesTab[] = [
  { key: 'alert-rules', label: 'Alert rules', Part: RuleList },
  {
    key: 'escalation',
    label: 'Escalation',
    Part: lazyPart(() => import('@/features/escalation/escalation-page')),
  },
  { key: 'oncall', label: 'On-call', Part: lazyPart(() => import('@/features/oncall/oncall-page')) },
  {
    key: 'maintenance',
    label: 'Maintenance',
    Part: lazyPart(() => import('@/features/maintenance/maintenance-page')),
  },
];

export default function RulesPage() {
  const { get } = useUrl();
  const at = tabs.find((t) => t.key === get('tab')) ?? tabs[0]!;
  return (
    <>
      <nav aria-label="Rules and who is told" className="mb-3 flex gap-1 overflow-x-auto border-b">
        {tabs.map((t) => (
          <Link
            key={t.key}
            to={t === tabs[0] ? '/rules' : `/rules?tab=${t.key}`}
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
        <at.Part />
      </Suspense>
    </>
  );
}
