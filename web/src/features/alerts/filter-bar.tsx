// Which alerts the inbox shows: its address says it, these fields change it.
import type { AlertFilter } from '@/api/alerts';
import type { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { SearchField } from '@/ui/search-field';
import type { GroupBy } from './groups';

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

export const groupingOf = (name: string | null): GroupBy | null =>
  groupings.find((g) => g.value === name)?.value || null;

export function filterOf(get: (name: string) => string | null): AlertFilter {
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

const select = 'h-8 rounded-m border border-line-strong bg-surface px-2';

export function FilterBar({
  url: { get, set },
  filter,
  ruleName,
}: {
  url: ReturnType<typeof useUrl>;
  filter: AlertFilter;
  /** Of the rule that the address names, where it is known. */
  ruleName: string | null | undefined;
}) {
  return (
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
        value={groupingOf(get('group')) ?? ''}
        onChange={(e) => set({ group: e.target.value })}
        className={select}
      >
        {groupings.map((g) => (
          <option key={g.value} value={g.value}>
            {g.value ? `By ${g.label.toLowerCase()}` : g.label}
          </option>
        ))}
      </select>
      <select
        aria-label="Order"
        value={get('sort') ?? ''}
        onChange={(e) => set({ sort: e.target.value })}
        className={select}
      >
        <option value="">Newest first</option>
        <option value="severity">Worst first</option>
      </select>
      <Narrowed filter={filter} ruleName={ruleName} onClear={(name) => set({ [name]: null })} />
    </div>
  );
}
