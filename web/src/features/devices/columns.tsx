import { createColumnHelper } from '@tanstack/react-table';
import { Link } from 'react-router';
import type { Device } from '@/api/types';
import { Tag } from '@/ui/page';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';
import { deviceLink, Readings } from './readings';
import { Sparkline } from './sparkline';

/** A row of the table; `device` is null while its page loads. */
export interface Row {
  index: number;
  device: Device | null;
}

export interface TableFacts {
  siteNames: Map<string, string>;
  selected: { has: (id: string) => boolean };
  toggle: (id: string, index: number, extend?: boolean) => void;
  /** What the box over the boxes shows, and what it does. */
  every: { state: boolean | 'some'; change: () => void };
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

/** The box that chooses a row; with Shift it chooses up to it. */
export function RowBox({ device: d, index, facts }: { device: Device; index: number; facts: TableFacts }) {
  return (
    <input
      type="checkbox"
      aria-label={`Select ${d.name ?? d.device_id}`}
      checked={facts.selected.has(d.device_id)}
      onMouseDown={(e) => {
        if (e.shiftKey) e.preventDefault(); // no text between is to be marked
      }}
      onChange={(e) =>
        facts.toggle(d.device_id, index, (e.nativeEvent as MouseEvent).shiftKey === true)
      }
      className="block size-3.5 accent-(--accent)"
    />
  );
}

export function AllBox({ every }: { every: TableFacts['every'] }) {
  return (
    <input
      type="checkbox"
      aria-label="Select all devices"
      checked={every.state === true}
      ref={(node) => {
        if (node) node.indeterminate = every.state === 'some';
      }}
      onChange={every.change}
      className="block size-3.5 accent-(--accent)"
    />
  );
}

export const columns = [
  column.display({
    id: 'select',
    size: 36,
    enableHiding: false,
    enableResizing: false,
    header: ({ table }) => <AllBox every={table.options.meta!.facts.every} />,
    cell: ({ row, table }) => {
      const { device, index } = row.original;
      return device && <RowBox device={device} index={index} facts={table.options.meta!.facts} />;
    },
  }),
  column.display({
    id: 'device',
    size: 205,
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
    size: 115,
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
    size: 140,
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
    cell: ({ row }) => {
      const d = row.original.device;
      return d && <Readings state={d.state} units={d.units} />;
    },
  }),
  column.display({
    id: 'hour',
    size: 120,
    enableResizing: false,
    header: 'Last hour',
    cell: ({ row }) => row.original.device && <Sparkline device={row.original.device} />,
  }),
  column.display({
    id: 'template',
    size: 115,
    header: 'Template',
    cell: ({ row }) => (
      <span className="truncate text-ink-2">{row.original.device?.template_name ?? ''}</span>
    ),
  }),
  column.display({
    id: 'seen',
    size: 95,
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
    size: 95,
    header: 'Tags',
    cell: ({ row }) => (
      <span className="flex gap-1 overflow-hidden [&>*]:shrink-0">
        {row.original.device?.tags?.map((t) => <Tag key={t}>{t}</Tag>)}
      </span>
    ),
  }),
];

export const columnNames: Record<string, string> = {
  status: 'Status',
  site: 'Site',
  readings: 'Latest values',
  hour: 'Last hour',
  template: 'Template',
  seen: 'Last seen',
  tags: 'Tags',
};
