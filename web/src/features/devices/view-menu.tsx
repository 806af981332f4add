// How the list looks: columns, density, order; and what can be taken out of it.
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { callPath, type DeviceFilter } from '@/api/customer';
import { Button } from '@/ui/button';
import { copyCall } from '@/ui/copy-call';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { DownIcon, MoreIcon } from '@/ui/icons';
import { Menu, MenuCheck, MenuChoice, MenuItem, MenuLabel, MenuLine } from '@/ui/menu';
import { columnNames } from './columns';
import { downloadDevices } from './export-devices';
import { useViews, viewOf, withView, type View } from './views';

export type Density = 'compact' | 'comfortable';

const sorts = [
  ['', 'Site'],
  ['device_id', 'Device id'],
  ['name', 'Name'],
  ['status', 'Status'],
  ['last_seen_at', 'Last seen'],
  ['created_at', 'Created'],
] as const;

export function ViewMenu({
  sort,
  onSort,
  columns,
  onColumns,
  density,
  onDensity,
  decommissioned,
  onDecommissioned,
}: {
  sort: string | null;
  onSort: (next: string | null) => void;
  columns: Record<string, boolean>;
  onColumns: (next: Record<string, boolean>) => void;
  density: Density;
  onDensity: (next: Density) => void;
  decommissioned: boolean;
  onDecommissioned: (on: boolean) => void;
}) {
  const down = sort?.startsWith('-') ?? false;
  const key = down ? sort!.slice(1) : (sort ?? '');
  return (
    <Menu
      trigger={
        <Button>
          View <DownIcon />
        </Button>
      }
    >
      <MenuCheck checked={decommissioned} onChange={onDecommissioned}>
        Decommissioned devices
      </MenuCheck>
      <MenuLine />
      <MenuChoice
        label="Sort by"
        value={key}
        onChange={(next) => onSort(next === '' ? null : `${down ? '-' : ''}${next}`)}
        options={sorts.map(([value, label]) => ({ value, label }))}
      />
      <MenuCheck checked={down} disabled={key === ''} onChange={(on) => onSort(on ? `-${key}` : key)}>
        Descending
      </MenuCheck>
      <div className="max-sm:hidden">
        <MenuLine />
        <MenuChoice
          label="Rows"
          value={density}
          onChange={(next) => onDensity(next as Density)}
          options={[
            { value: 'compact', label: 'Compact' },
            { value: 'comfortable', label: 'Comfortable' },
          ]}
        />
        <MenuLine />
        <MenuLabel>Columns</MenuLabel>
        {Object.entries(columnNames).map(([id, name]) => (
          <MenuCheck
            key={id}
            checked={columns[id] !== false}
            onChange={(on) => onColumns({ ...columns, [id]: on })}
          >
            {name}
          </MenuCheck>
        ))}
      </div>
    </Menu>
  );
}

/** What can be done with the whole list. */
export function ListMenu({ filter, onSelectAll }: { filter: DeviceFilter; onSelectAll: () => void }) {
  const navigate = useNavigate();
  return (
    <Menu
      trigger={
        <Button aria-label="More for this list" className="px-2">
          <MoreIcon />
        </Button>
      }
    >
      <MenuItem onSelect={onSelectAll}>Select all</MenuItem>
      {filter.q && (
        <MenuItem
          onSelect={() => void navigate(`/device-groups?new=1&query=${encodeURIComponent(filter.q!)}`)}
        >
          Make a group of what is found
        </MenuItem>
      )}
      <MenuItem onSelect={() => void downloadDevices(filter)}>Download as CSV</MenuItem>
      <MenuItem onSelect={() => void copyCall(callPath('/devices', { ...filter }))}>
        Copy the call as curl
      </MenuItem>
    </Menu>
  );
}

/** Named views: open one, keep the present one, delete one. */
export function SavedViews({
  now,
  onOpen,
}: {
  now: Omit<View, 'name'>;
  onOpen: (view: View) => void;
}) {
  const [views, setViews] = useViews();
  const [name, setName] = useState<string | null>(null);
  const current = viewOf(views, now);
  return (
    <>
      <Menu
        trigger={
          <Button className="max-w-56">
            <span className="truncate">{current ? `View: ${current.name}` : 'Views'}</span>
            <DownIcon />
          </Button>
        }
      >
        {views.length === 0 ? (
          <MenuLabel>None yet. A view keeps filter, order and columns.</MenuLabel>
        ) : (
          views.map((v) => (
            <MenuCheck
              key={v.name}
              checked={v.name === current?.name}
              close
              onChange={() => onOpen(v)}
            >
              {v.name}
            </MenuCheck>
          ))
        )}
        <MenuLine />
        <MenuItem disabled={current !== null} onSelect={() => setName('')}>
          Save this view
        </MenuItem>
        {current && (
          <MenuItem danger onSelect={() => setViews(views.filter((v) => v.name !== current.name))}>
            Delete “{current.name}”
          </MenuItem>
        )}
      </Menu>
      <Dialog
        open={name !== null}
        onClose={() => setName(null)}
        dirty={Boolean(name)}
        title="Save this view"
        description="Filter, order and columns, kept in this browser. To share it, send the page's address."
      >
        <DialogForm
          submit="Save"
          busy={false}
          onCancel={() => setName(null)}
          onSubmit={() => {
            const text = name?.trim();
            if (!text) return;
            setViews(withView(views, { name: text, ...now }));
            setName(null);
          }}
        >
          <TextField
            label="Name"
            autoFocus
            required
            maxLength={60}
            value={name ?? ''}
            onChange={(e) => setName(e.target.value)}
            help={
              views.some((v) => v.name === name?.trim())
                ? 'A view of this name is replaced.'
                : undefined
            }
            placeholder="Stale in Hamburg"
          />
        </DialogForm>
      </Dialog>
    </>
  );
}
