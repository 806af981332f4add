import { useState } from 'react';
import { callPath } from '@/api/customer';
import type { Alert } from '@/api/alerts';
import { useAlertEvents } from '@/live/hooks';
import { cx } from '@/lib/cx';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Kbd, PageHeader } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { AskAct } from './act-parts';
import { AlertPanel } from './alert-panel';
import { InboxRow } from './alert-row';
import { BulkBar } from './bulk-bar';
import { FilterBar, filterOf, groupingOf } from './filter-bar';
import { grouped } from './groups';
import { useAlerts } from './queries';
import { Severity, severityWord } from './severity';
import { Trend } from './trend';
import { useTriage } from './use-triage';

const mostRows = 200;

/** Says what opens while the page stands, for who does not see it. */
function News() {
  const [words, setWords] = useState('');
  useAlertEvents((e) => {
    if (e.event === 'OPEN')
      setWords(`${severityWord(e.alert.severity)} alert: ${e.alert.summary}`);
  });
  return (
    <p role="status" aria-live="polite" className="sr-only" data-testid="alert-news">
      {words}
    </p>
  );
}

const keys: [string[], string][] = [
  [['j', 'k'], 'move'],
  [['x'], 'select'],
  [['e'], 'acknowledge'],
  [['Enter'], 'open'],
];

export default function AlertsPage() {
  useTitle('Alerts');
  const url = useUrl();
  const { get, set } = url;
  const filter = filterOf(get);
  const limit = Math.min(mostRows, Math.max(50, Number(get('limit') ?? 50) || 50));
  const alerts = useAlerts(filter, limit);
  const open = Number(get('alert') ?? '') || null;
  const by = groupingOf(get('group'));
  const rows = alerts.data?.alerts ?? [];
  const total = alerts.data?.total ?? 0;
  const groups = by ? grouped(rows, by) : null;
  const triage = useTriage({
    rows: groups ? groups.flatMap((g) => g.alerts) : rows,
    filter,
    open,
    show: (id, replace = true) => set({ alert: id === null ? null : String(id) }, replace),
  });
  const asked = triage.asking;

  const row = (a: Alert) => (
    <InboxRow
      key={a.alert_id}
      alert={a}
      current={a.alert_id === triage.here}
      selected={triage.everything || triage.selected.has(a.alert_id)}
      onSelect={() => triage.toggle(a.alert_id)}
      onOpen={() => triage.openRow(a.alert_id)}
    />
  );
  const narrowed = Boolean(
    filter.q || filter.min_severity || filter.device_id || filter.site_id || filter.rule_id,
  );
  const nothing =
    filter.status === 'OPEN' && !narrowed ? (
      <Empty title="No open alerts">
        All that rules watch is as it should be. New alerts appear here by themselves.
      </Empty>
    ) : (
      <Empty
        title="No alert fits"
        action={
          <Button
            onClick={() => set({ q: null, severity: null, device: null, site: null, rule: null, status: null })}
          >
            Show all open alerts
          </Button>
        }
      />
    );
  return (
    <>
      <News />
      <div className={open !== null ? 'max-lg:hidden' : undefined}>
        <PageHeader
          title="Alerts"
          facts={alerts.data && <span>{many(alerts.data.total, 'alert')}</span>}
          actions={<CopyCall path={callPath('/alerts', { status: filter.status ?? 'OPEN' })} />}
        />
        <Trend />
        <FilterBar url={url} filter={filter} ruleName={rows[0]?.rule_name} />
      </div>
      <div className={cx('grid items-start gap-4', open !== null && 'lg:grid-cols-[minmax(0,1fr)_27rem]')}>
        <div className={cx('min-w-0', open !== null && 'max-lg:hidden')}>
          {rows.length > 1 && (
            <label className="mb-1.5 ml-2.5 inline-flex items-center gap-2.5 text-12 text-ink-2">
              <input
                type="checkbox"
                className="size-4"
                checked={triage.chosen.length === rows.length}
                onChange={triage.toggleShown}
              />
              Select all {rows.length < total ? `${rows.length} shown` : rows.length}
            </label>
          )}
          <div className="panel" aria-busy={alerts.isFetching || undefined}>
            {alerts.error && !alerts.data ? (
              <Failure error={alerts.error} what="Alerts" retry={() => void alerts.refetch()} />
            ) : alerts.isPending ? (
              <SkeletonRows rows={8} label="Loading alerts" />
            ) : rows.length === 0 ? (
              nothing
            ) : groups ? (
              groups.map((g) => (
                <section key={g.key} aria-label={g.label}>
                  <h2 className="flex items-center gap-3 border-b bg-surface-2 px-3 py-1.5 text-13">
                    <Severity of={g.worst} />
                    <span className="min-w-0 truncate">{g.label}</span>
                    <span className="num ml-auto font-normal text-ink-2">{count(g.alerts.length)}</span>
                  </h2>
                  <ul className="border-b last:border-b-0">{g.alerts.map(row)}</ul>
                </section>
              ))
            ) : (
              <ul>{rows.map(row)}</ul>
            )}
          </div>
          {alerts.data && total > rows.length && (
            <div className="mt-2">
              {limit < mostRows ? (
                <Button small onClick={() => set({ limit: String(limit + 50) })}>
                  Show more
                </Button>
              ) : (
                <p className="text-12 text-ink-3">
                  The first {mostRows} of {count(total)}: narrow the list to see others.
                </p>
              )}
            </div>
          )}
          <p className="mt-2 hidden flex-wrap gap-x-3 text-12 text-ink-3 md:flex">
            {keys.map(([names, what]) => (
              <span key={what} className="inline-flex items-center gap-1">
                {names.map((name) => (
                  <Kbd key={name}>{name}</Kbd>
                ))}
                {what}
              </span>
            ))}
          </p>
          {triage.chosen.length > 0 && (
            <BulkBar
              chosen={triage.chosen.length}
              everything={triage.everything}
              total={total}
              whole={triage.chosen.length === rows.length}
              busy={triage.busy}
              onAct={triage.run}
              onEverything={triage.meanEverything}
              onClear={triage.clear}
            />
          )}
        </div>
        {open !== null && <AlertPanel key={open} id={open} onClose={triage.leave} />}
      </div>
      {asked && (
        <AskAct
          act={asked}
          what={
            'filter' in asked.target ? `all ${count(total)} alerts that match` : many(asked.target.ids.length, 'alert')
          }
          busy={triage.busy}
          onConfirm={triage.confirm}
          onClose={triage.forget}
        />
      )}
    </>
  );
}
