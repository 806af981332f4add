import { cx } from '@/lib/cx';
import { decimalsOf, withUnit } from '@/lib/numbers';
import { Panel } from '@/ui/page';
import { Ago } from '@/ui/time';
import type { MetricFacts } from './metric-facts';

/** Most charts at once. */
export const mostCharts = 6;

/** Latest values; each is also the switch of its chart. */
export function Latest({
  facts,
  shown,
  at,
  onToggle,
}: {
  facts: MetricFacts[];
  shown: string[];
  at: string | null;
  onToggle: (key: string) => void;
}) {
  return (
    <Panel title="Latest" aside={<Ago at={at} never="no data yet" />}>
      {facts.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">Metrics show here as soon as they are sent.</p>
      ) : (
        <ul>
          {facts.map((m) => {
            const index = shown.indexOf(m.key);
            const on = index >= 0;
            return (
              <li key={m.key}>
                <button
                  type="button"
                  aria-pressed={on}
                  disabled={!m.charted || (!on && shown.length >= mostCharts)}
                  onClick={() => onToggle(m.key)}
                  title={
                    m.charted ? `${on ? 'Hide' : 'Show'} the chart of ${m.key}` : 'Text is not charted'
                  }
                  className="flex min-h-7.5 w-full items-center justify-between gap-3 px-3 py-0.5 text-left enabled:hover:bg-surface-2"
                >
                  <span className="flex min-w-0 items-center gap-2 text-ink-2">
                    <svg width="12" height="8" aria-hidden="true" className="shrink-0">
                      {on ? (
                        <line x1="0" y1="4" x2="12" y2="4" stroke={`var(--series-${index + 1})`} strokeWidth="2.5" />
                      ) : (
                        m.charted && (
                          <line x1="0" y1="4" x2="12" y2="4" stroke="var(--line-strong)" strokeWidth="1.5" strokeDasharray="2 2" />
                        )
                      )}
                    </svg>
                    <span className="truncate">
                      {m.name}
                      {m.from && <span className="text-ink-3"> from {m.from}</span>}
                    </span>
                  </span>
                  <span className={cx('num text-right', on ? 'font-semibold' : '')} data-metric={m.key}>
                    {withUnit(
                      m.value,
                      m.unit,
                      typeof m.value === 'number' ? decimalsOf([m.value], m.digits) : 0,
                    )}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}
