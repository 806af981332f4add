import { useState } from 'react';
import { callPath } from '@/api/customer';
import type { Alert, AlertAction, AlertFilter } from '@/api/alerts';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { useAlertEvents } from '@/live/hooks';
import { cx } from '@/lib/cx';
import { count, many } from '@/lib/numbers';
import { useKeys } from '@/lib/use-keys';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { DownIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { Kbd, PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { AlertPanel, silences } from './alert-panel';
import { InboxRow } from './alert-row';
import { grouped, type GroupBy } from './groups';
import { useAct, useAlerts } from './queries';
import { Severity, severityWord } from './severity';
import { Trend } from './trend';

const states = [
  { value: 'OPEN', label: 'Open' },
  { value: 'ACKNOWLEDGED', label: 'Acknowledged' },
  { value: 'ACTIVE', label: 'Both' },
  { value: 'CLOSED', label: 'Closed' },
];
const severities = [
  { value: '', label: 'All' },
  { value: '3', label: 'Warning and up' },
  { value: '5', label: 'Critical' },
];
const groupings: { value: GroupBy | ''; label: string }[] = [
  { value: '', label: 'No groups' },
  { value: 'device', label: 'Device' },
  { value: 'rule', label: 'Rule' },
  { value: 'site', label: 'Site' },
];
const mostRows = 200;

function filterOf(get: (name: string) => string | null): AlertFilter {
  const least = Number(get('severity') ?? '');
  return {
    status: get('status') ?? 'OPEN',
    min_severity: least >= 1 && least <= 5 ? least : undefined,
    q: get('q') ?? undefined,
    device_id: get('device') ?? undefined,
    site_id: get('site') ?? undefined,
    rule_id: get('rule') ?? undefined,
    sort: get('sort') === 'severity' ? '-severity' : '-created_at',
  };
}

/** What is narrowed by the address alone, each with its way out. */
function Narrowed({
  filter,
  ruleName,
  onClear,
}: {
  filter: AlertFilter;
  ruleName: string | null | undefined;
  onClear: (name: string) => void;
}) {
  const parts = [
    ['device', filter.device_id],
    ['site', filter.site_id],
    ['rule', filter.rule_id && (ruleName ?? filter.rule_id)],
  ] as const;
  return parts.map(
    ([name, value]) =>
      value && (
        <Button key={name} small onClick={() => onClear(name)} title={`Show every ${name}`}>
          {name}: {value} ✕
        </Button>
      ),
  );
}

function BulkBar({
  ids,
  onAct,
  onClear,
  busy,
}: {
  ids: number[];
  onAct: (action: AlertAction, minutes?: number) => void;
  onClear: () => void;
  busy: boolean;
}) {
  return (
    <div
      role="toolbar"
      aria-label="Selected alerts"
      className="sticky bottom-2 z-20 mt-2 flex flex-wrap items-center gap-2 rounded-m border bg-surface px-3 py-2 shadow-pop"
    >
      <span className="num mr-auto">{many(ids.length, 'alert')} selected</span>
      <GatedButton
        needs={needs.acknowledgeAlert}
        kind="primary"
        busy={busy}
        onClick={() => onAct('acknowledge')}
      >
        Acknowledge
      </GatedButton>
      <Menu
        trigger={
          <Button>
            Silence <DownIcon />
          </Button>
        }
      >
        {silences.map((s) => (
          <GatedItem
            key={s.minutes}
            needs={needs.silenceAlert}
            onSelect={() => onAct('silence', s.minutes)}
          >
            {s.label}
          </GatedItem>
        ))}
      </Menu>
      <GatedButton needs={needs.closeAlert} busy={busy} onClick={() => onAct('close')}>
        Close
      </GatedButton>
      <Button kind="quiet" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}

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

export default function AlertsPage() {
  useTitle('Alerts');
  const { params, get, set } = useUrl();
  const filter = filterOf(get);
  const limit = Math.min(mostRows, Math.max(50, Number(get('limit') ?? 50) || 50));
  const alerts = useAlerts(filter, limit);
  const act = useAct();
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const open = Number(get('alert') ?? '') || null;
  const by = groupings.find((g) => g.value === get('group'))?.value || null;
  const rows = alerts.data?.alerts ?? [];
  const groups = by ? grouped(rows, by) : null;
  const inOrder = groups ? groups.flatMap((g) => g.alerts) : rows;
  const chosen = rows.filter((a) => selected.has(a.alert_id)).map((a) => a.alert_id);
  const here = at ?? open;

  const toggle = (id: number) =>
    setSelected((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const show = (id: number | null, replace = true) =>
    set({ alert: id === null ? null : String(id) }, replace);
  const step = (by_: number) => {
    if (inOrder.length === 0) return;
    const now = inOrder.findIndex((a) => a.alert_id === here);
    const next =
      inOrder[now < 0 ? 0 : Math.min(inOrder.length - 1, Math.max(0, now + by_))]!.alert_id;
    setAt(next);
    if (open !== null) show(next);
    document.querySelector(`[data-alert="${next}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  const run = (action: AlertAction, minutes?: number) => {
    const ids = chosen.length > 0 ? chosen : here !== null ? [here] : [];
    if (ids.length === 0 || act.isPending) return;
    act.mutate({ action, ids, minutes }, { onSuccess: () => setSelected(new Set()) });
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    x: () => here !== null && toggle(here),
    e: () => run('acknowledge'),
    Enter: () => here !== null && show(here, false),
    Escape: () => {
      if (selected.size > 0) setSelected(new Set());
      else show(null);
    },
  });

  const row = (a: Alert) => (
    <InboxRow
      key={a.alert_id}
      alert={a}
      current={a.alert_id === here}
      selected={selected.has(a.alert_id)}
      onSelect={() => toggle(a.alert_id)}
      onOpen={() => {
        setAt(a.alert_id);
        show(a.alert_id, false);
      }}
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
        <div className="mb-2.5 flex flex-wrap items-center gap-2">
          <Segmented
            label="State"
            options={states}
            value={filter.status ?? 'OPEN'}
            onChange={(v) => set({ status: v === 'OPEN' ? null : v })}
          />
          <Segmented
            label="Severity"
            options={severities}
            value={get('severity') ?? ''}
            onChange={(v) => set({ severity: v })}
          />
          <SearchField
            label="Search alerts"
            placeholder="Device or words"
            value={filter.q ?? ''}
            onChange={(q) => set({ q })}
          />
          <select
            aria-label="Group by"
            value={by ?? ''}
            onChange={(e) => set({ group: e.target.value })}
            className="h-8 rounded-m border border-line-strong bg-surface px-2"
          >
            {groupings.map((g) => (
              <option key={g.value} value={g.value}>
                {g.value ? `By ${g.label.toLowerCase()}` : g.label}
              </option>
            ))}
          </select>
          <select
            aria-label="Order"
            value={params.get('sort') ?? ''}
            onChange={(e) => set({ sort: e.target.value })}
            className="h-8 rounded-m border border-line-strong bg-surface px-2"
          >
            <option value="">Newest first</option>
            <option value="severity">Worst first</option>
          </select>
          <Narrowed
            filter={filter}
            ruleName={rows[0]?.rule_name}
            onClear={(name) => set({ [name]: null })}
          />
        </div>
      </div>
      <div className={cx('grid items-start gap-4', open !== null && 'lg:grid-cols-[minmax(0,1fr)_27rem]')}>
        <div className={cx('min-w-0', open !== null && 'max-lg:hidden')}>
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
          {alerts.data && alerts.data.total > rows.length && (
            <div className="mt-2">
              {limit < mostRows ? (
                <Button small onClick={() => set({ limit: String(limit + 50) })}>
                  Show more
                </Button>
              ) : (
                <p className="text-12 text-ink-3">
                  The first {mostRows} of {count(alerts.data.total)}: narrow the list to see others.
                </p>
              )}
            </div>
          )}
          <p className="mt-2 hidden flex-wrap gap-x-3 text-12 text-ink-3 md:flex">
            <span>
              <Kbd>j</Kbd> <Kbd>k</Kbd> move
            </span>
            <span>
              <Kbd>x</Kbd> select
            </span>
            <span>
              <Kbd>e</Kbd> acknowledge
            </span>
            <span>
              <Kbd>Enter</Kbd> open
            </span>
          </p>
          {chosen.length > 0 && (
            <BulkBar
              ids={chosen}
              busy={act.isPending}
              onAct={run}
              onClear={() => setSelected(new Set())}
            />
          )}
        </div>
        {open !== null && <AlertPanel key={open} id={open} onClose={() => show(null)} />}
      </div>
    </>
  );
}
