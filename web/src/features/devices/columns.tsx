import { createColumnHelper } from '@tanstack/react-table';
import { Link } from 'react-router';
import type { Device } from '@/api/types';
import { Tag } from '@/ui/page';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';
import { deviceLink, Readings } from './readings';

/** A row of the table; `device` is null while its page loads. */
export interface Row {
  index: number;
  device: Device | null;
}

export interface TableFacts {
  siteNames: Map<string, string>;
  selected: ReadonlySet<string>;
  toggle: (id: string) => void;
}

declare module '@tanstack/react-table' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface TableMeta<TData> {
    facts: TableFacts;
  }
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData, TValue> {
    sort?: string;
    right?: boolean;
  }
}

const column = createColumnHelper<Row>();

export const columns = [
  column.display({
    id: 'select',
    size: 36,
    enableHiding: false,
    enableResizing: false,
    header: () => <span className="sr-only">Selected</span>,
    cell: ({ row, table }) => {
      const d = row.original.device;
      if (!d) return null;
      const { selected, toggle } = table.options.meta!.facts;
      return (
        <input
          type="checkbox"
          aria-label={`Select ${d.name ?? d.device_id}`}
          checked={selected.has(d.device_id)}
          onChange={() => toggle(d.device_id)}
          className="size-3.5 accent-(--accent)"
        />
      );
    },
  }),
  column.display({
    id: 'device',
    size: 240,
    enableHiding: false,
    header: 'Device',
    meta: { sort: 'device_id' },
    cell: ({ row }) => {
      const d = row.original.device;
      if (!d) return <span className="skeleton h-3.5 w-40" />;
      const named = d.name && d.name !== d.device_id;
      return (
        <Link to={deviceLink(d.device_id)} className="flex min-w-0 items-baseline gap-2 hover:underline">
          {named && <span className="truncate">{d.name}</span>}
          <span className={`truncate font-mono text-12 ${named ? 'text-ink-3' : ''}`}>
            {d.device_id}
          </span>
        </Link>
      );
    },
  }),
  column.display({
    id: 'status',
    size: 125,
    header: 'Status',
    meta: { sort: 'status' },
    cell: ({ row }) => {
      const d = row.original.device;
      if (!d) return null;
      if (d.decommissioned_at) return <span className="text-ink-3">✕ Decommissioned</span>;
      return <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />;
    },
  }),
  column.display({
    id: 'site',
    size: 135,
    header: 'Site',
    cell: ({ row, table }) => {
      const d = row.original.device;
      if (!d) return null;
      const name = d.site_id && (table.options.meta!.facts.siteNames.get(d.site_id) ?? d.site_id);
      return <span className="truncate text-ink-2">{name ?? 'none'}</span>;
    },
  }),
  column.display({
    id: 'readings',
    size: 240,
    header: 'Latest values',
    cell: ({ row }) => row.original.device && <Readings state={row.original.device.state} />,
  }),
  column.display({
    id: 'template',
    size: 135,
    header: 'Template',
    cell: ({ row }) => (
      <span className="truncate text-ink-2">{row.original.device?.template_name ?? ''}</span>
    ),
  }),
  column.display({
    id: 'seen',
    size: 110,
    header: 'Last seen',
    meta: { sort: 'last_seen_at' },
    cell: ({ row }) =>
      row.original.device && (
        <span className="text-ink-2">
          <Ago at={row.original.device.last_seen_at} />
        </span>
      ),
  }),
  column.display({
    id: 'tags',
    size: 130,
    header: 'Tags',
    cell: ({ row }) => (
      <span className="flex gap-1 overflow-hidden">
        {row.original.device?.tags?.map((t) => <Tag key={t}>{t}</Tag>)}
      </span>
    ),
  }),
];

export const columnNames: Record<string, string> = {
  status: 'Status',
  site: 'Site',
  readings: 'Latest values',
  template: 'Template',
  seen: 'Last seen',
  tags: 'Tags',
};
