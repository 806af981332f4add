// Names of metrics: what devices send, what it is called for rules, and what is known of each.
import { useState } from 'react';
import { callPath } from '@/api/customer';
import { metricNames, type CatalogMetric, type MetricMapping, type MetricReference } from '@/api/rules';
import { plain } from '@/features/rules/sentence';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { CatalogDialog, MappingDialog, NormalizedDialog } from './metric-dialogs';
import { useAdministrates, useCatalog, useMappings, useNameWrite, useReference } from './queries';

type Normalized = MetricReference['normalized_metrics'][number];
type Asking =
  | { what: 'normalized'; metric: Normalized | null }
  | { what: 'map'; raw: string; to: string; mapping?: MetricMapping }
  | { what: 'catalog'; metric: CatalogMetric | null; name: string }
  | { what: 'delete'; title: string; words: string; act: () => Promise<unknown> };

const rangeOf = (min: number | null | undefined, max: number | null | undefined, unit: string | null | undefined) => {
  if (min == null && max == null) return null;
  const words =
    min != null && max != null
      ? `${plain(min)} to ${plain(max)}`
      : min != null
        ? `at least ${plain(min)}`
        : `at most ${plain(max ?? 0)}`;
  return unit ? `${words} ${unit}` : words;
};

const formula = (m: MetricMapping) =>
  [
    m.multiplier === 1 ? '' : ` × ${plain(m.multiplier)}`,
    m.offset_value === 0 ? '' : ` ${m.offset_value < 0 ? '−' : '+'} ${plain(Math.abs(m.offset_value))}`,
  ].join('');

export default function MetricsPage() {
  useTitle('Metrics');
  const reference = useReference();
  const mappings = useMappings();
  const catalog = useCatalog();
  const administrates = useAdministrates();
  const [asking, setAsking] = useState<Asking | null>(null);
  const close = () => setAsking(null);
  const remove = useNameWrite(
    (act: () => Promise<unknown>) => act(),
    () => undefined,
  );
  const ask = setAsking;
  const r = reference.data;
  const undescribed = (name: string) => !catalog.data?.some((c) => c.metric_name === name);
  const add = administrates ? (
    <Button kind="primary" onClick={() => ask({ what: 'normalized', metric: null })}>
      New normalized metric
    </Button>
  ) : undefined;

  return (
    <>
      <PageHeader
        title="Metrics"
        facts={r && <span>{many(r.raw_metrics.length, 'metric')} sent</span>}
        actions={
          <>
            <span className="hidden sm:contents">
              <CopyCall path={callPath('/metrics/reference')} />
            </span>
            {add}
          </>
        }
      />
      {!administrates && <p className="mb-3 text-ink-2">Only administrators of your organization change these.</p>}
      {reference.error && !r ? (
        <div className="panel">
          <Failure error={reference.error} what="Metrics" retry={() => void reference.refetch()} />
        </div>
      ) : !r ? (
        <div className="panel">
          <SkeletonRows rows={6} label="Loading metrics" />
        </div>
      ) : (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <Panel title="Normalized" aside={<span>one name, one unit</span>}>
            {r.normalized_metrics.length === 0 ? (
              <Empty title="No normalized metrics" action={add}>
                One device sends <code>temp_f</code>, another <code>t</code>: map both to{' '}
                <code>temperature</code> in °C, and one rule watches them all.
              </Empty>
            ) : (
              <ul>
                {r.normalized_metrics.map((n) => (
                  <li key={n.name} data-metric-name={n.name} className="border-b px-3 py-2.5 last:border-b-0">
                    <div className="flex items-start justify-between gap-3">
                      <div className="min-w-0">
                        <h3 className="font-mono text-12 font-medium break-words">
                          {n.name}
                          {n.display_unit && <span className="font-sans text-ink-2"> in {n.display_unit}</span>}
                        </h3>
                        <p className="text-12 text-ink-2">
                          {[rangeOf(n.expected_min, n.expected_max, n.display_unit), n.description]
                            .filter(Boolean)
                            .join(' · ')}
                        </p>
                      </div>
                      {administrates && (
                        <span className="flex shrink-0 gap-1">
                          <Button small onClick={() => ask({ what: 'map', raw: '', to: n.name })}>
                            Map to it
                          </Button>
                          <Button small kind="quiet" aria-label={`Edit ${n.name}`} onClick={() => ask({ what: 'normalized', metric: n })}>
                            Edit
                          </Button>
                          <Button
                            small
                            kind="quiet"
                            aria-label={`Delete ${n.name}`}
                            onClick={() =>
                              ask({
                                what: 'delete',
                                title: `Delete ${n.name}?`,
                                words: 'Its mappings go, too. Rules that name it see no values any more.',
                                act: () => metricNames.removeNormalized(n.name),
                              })
                            }
                          >
                            Delete
                          </Button>
                        </span>
                      )}
                    </div>
                    <ul className="mt-1.5 flex flex-wrap gap-1.5">
                      {(mappings.data ?? [])
                        .filter((m) => m.normalized_name === n.name)
                        .map((m) => (
                          <li
                            key={m.raw_metric}
                            className="num inline-flex items-center gap-1 rounded-m border border-line-strong px-2 text-12"
                          >
                            {administrates ? (
                              <button
                                type="button"
                                aria-label={`Edit the mapping of ${m.raw_metric}`}
                                className="min-h-6 hover:underline"
                                onClick={() => ask({ what: 'map', raw: m.raw_metric, to: n.name, mapping: m })}
                              >
                                <span className="font-mono">{m.raw_metric}</span>
                                {formula(m)}
                              </button>
                            ) : (
                              <span>
                                <span className="font-mono">{m.raw_metric}</span>
                                {formula(m)}
                              </span>
                            )}
                            {administrates && (
                              <button
                                type="button"
                                aria-label={`Unmap ${m.raw_metric}`}
                                className="min-h-6 min-w-6 text-ink-3 hover:text-critical"
                                onClick={() =>
                                  ask({
                                    what: 'delete',
                                    title: `Unmap ${m.raw_metric}?`,
                                    words: `Its values are no ${n.name} any more.`,
                                    act: () => metricNames.unmap(m.raw_metric),
                                  })
                                }
                              >
                                ×
                              </button>
                            )}
                          </li>
                        ))}
                    </ul>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
          <div className="flex min-w-0 flex-col gap-4">
            <Panel title="As devices send them" aside={<span>{many(r.unmapped.length, 'name')} not mapped</span>}>
              {r.raw_metrics.length === 0 ? (
                <Empty title="Nothing was sent yet">Names appear here with the first messages.</Empty>
              ) : (
                <ul className="max-h-96 overflow-y-auto">
                  {r.raw_metrics.map((m) => (
                    <li key={m.name} className="flex min-h-9 items-center justify-between gap-3 border-b px-3 py-1 last:border-b-0">
                      <span className="min-w-0 break-words">
                        <span className="font-mono text-12">{m.name}</span>
                        {m.mapped_to && <span className="text-ink-2"> → {m.mapped_to}</span>}
                      </span>
                      {administrates && (
                        <span className="flex shrink-0 gap-1">
                          {undescribed(m.name) && (
                            <Button
                              small
                              kind="quiet"
                              aria-label={`Describe ${m.name}`}
                              onClick={() => ask({ what: 'catalog', metric: null, name: m.name })}
                            >
                              Describe
                            </Button>
                          )}
                          {!m.mapped_to && r.normalized_metrics.length > 0 && (
                            <Button
                              small
                              kind="quiet"
                              aria-label={`Map ${m.name}`}
                              onClick={() => ask({ what: 'map', raw: m.name, to: '' })}
                            >
                              Map
                            </Button>
                          )}
                        </span>
                      )}
                    </li>
                  ))}
                </ul>
              )}
            </Panel>
            <Panel
              title="Catalogue"
              aside={
                administrates && (
                  <Button small onClick={() => ask({ what: 'catalog', metric: null, name: '' })}>
                    Describe a metric
                  </Button>
                )
              }
            >
              {catalog.error && !catalog.data ? (
                <Failure error={catalog.error} what="The catalogue" retry={() => void catalog.refetch()} />
              ) : catalog.isPending ? (
                <SkeletonRows rows={3} label="Loading the catalogue" />
              ) : catalog.data.length === 0 ? (
                <Empty title="No metric is described">
                  A unit and a usual range are shown on the charts of all devices that send the metric.
                </Empty>
              ) : (
                <ul>
                  {catalog.data.map((m) => (
                    <li key={m.metric_name} className="flex items-start justify-between gap-3 border-b px-3 py-2 last:border-b-0">
                      <div className="min-w-0">
                        <h3 className="font-mono text-12 break-words">{m.metric_name}</h3>
                        <p className="text-12 text-ink-2">
                          {[rangeOf(m.expected_min, m.expected_max, m.unit) ?? m.unit, m.description]
                            .filter(Boolean)
                            .join(' · ')}
                        </p>
                      </div>
                      {administrates && (
                        <span className="flex shrink-0 gap-1">
                          <Button
                            small
                            kind="quiet"
                            aria-label={`Edit the description of ${m.metric_name}`}
                            onClick={() => ask({ what: 'catalog', metric: m, name: m.metric_name })}
                          >
                            Edit
                          </Button>
                          <Button
                            small
                            kind="quiet"
                            aria-label={`Delete the description of ${m.metric_name}`}
                            onClick={() =>
                              ask({
                                what: 'delete',
                                title: `Forget what is known of ${m.metric_name}?`,
                                words: 'Charts show it without unit and range.',
                                act: () => metricNames.forget(m.metric_name),
                              })
                            }
                          >
                            Delete
                          </Button>
                        </span>
                      )}
                    </li>
                  ))}
                </ul>
              )}
            </Panel>
          </div>
        </div>
      )}
      {asking?.what === 'normalized' && <NormalizedDialog metric={asking.metric} onClose={close} />}
      {asking?.what === 'map' && r && (
        <MappingDialog
          mapping={asking.mapping ?? null}
          raw={asking.raw}
          to={asking.to}
          normalized={r.normalized_metrics}
          known={r.raw_metrics.map((m) => m.name)}
          onClose={close}
        />
      )}
      {asking?.what === 'catalog' && (
        <CatalogDialog metric={asking.metric} name={asking.name} onClose={close} />
      )}
      {asking?.what === 'delete' && (
        <Removal
          title={asking.title}
          run={() => remove.mutateAsync(asking.act)}
          told="Deleted"
          onClose={close}
        >
          <p>{asking.words}</p>
        </Removal>
      )}
    </>
  );
}
