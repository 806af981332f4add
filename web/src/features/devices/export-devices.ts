// The device list as CSV: everything that the filter finds, however much that is.
import { toast } from 'sonner';
import { api, type DeviceFilter } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { DeviceList } from '@/api/types';
import { csv, download } from '@/lib/csv';
import { count } from '@/lib/numbers';

const step = 1000;
const head = ['device_id', 'name', 'status', 'site_id', 'template', 'last_seen_at', 'tags', 'state', 'units'];

type Ask = (limit: number, offset: number, cursor?: string) => Promise<DeviceList>;

/** All pages as CSV, in parts; `onProgress` hears how many rows of how many are there. */
export async function devicesCsv(
  ask: Ask,
  onProgress: (rows: number, total: number) => void,
): Promise<string[]> {
  const parts = [csv(head, [])];
  let rows = 0;
  let cursor: string | undefined;
  for (;;) {
    const page = await ask(step, cursor === undefined ? rows : 0, cursor);
    const lines = page.devices.map((d) => [
      d.device_id, d.name, d.status, d.site_id, d.template_name, d.last_seen_at,
      d.tags?.join(' '), d.state && JSON.stringify(d.state), d.units && JSON.stringify(d.units),
    ]);
    if (lines.length > 0) parts.push(csv(head, lines).slice(parts[0]!.length));
    rows += lines.length;
    onProgress(rows, page.total);
    // A cursor stays fast at the end of a long list; lists in another order have none.
    cursor = page.next_cursor ?? undefined;
    if (lines.length < step || (cursor === undefined && rows >= page.total)) return parts;
  }
}

/** Makes the file and offers it, telling how far it is. */
export async function downloadDevices(filter: DeviceFilter): Promise<void> {
  const id = 'devices-csv';
  try {
    const parts = await devicesCsv(
      (limit, offset, cursor) => api.devices(cursor ? { ...filter, cursor } : filter, limit, offset),
      (rows, total) => {
        if (total > step) toast.loading(`Preparing CSV: ${count(rows)} of ${count(total)}`, { id });
      },
    );
    toast.dismiss(id);
    download('devices.csv', new Blob(parts, { type: 'text/csv' }));
  } catch (error) {
    toast.error(`The CSV could not be made: ${asApiError(error).message}`, { id });
  }
}
