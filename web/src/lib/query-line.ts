// The one line that filters devices: `status:online site:"hamburg hub" tag:pilot reefer 41`.
import type { DeviceFilter } from '@/api/customer';
import type { Status } from '@/api/types';

export interface QueryLine {
  status: Status | null;
  site: string | null;
  tags: string[];
  template: number | null;
  decommissioned: boolean;
  text: string;
  /** Words with a key that means nothing here, e.g. `colour:red`. */
  unknown: string[];
}

const statuses: Record<string, Status> = { online: 'ONLINE', stale: 'STALE', offline: 'OFFLINE' };
const keys = new Set(['status', 'site', 'tag', 'template', 'is']);
const word = /(\w+):"([^"]*)"?|"([^"]*)"?|(\S+)/g;

/** Reads a query line; words without a known key are the free text. */
export function parseQueryLine(line: string): QueryLine {
  const out: QueryLine = {
    status: null,
    site: null,
    tags: [],
    template: null,
    decommissioned: false,
    text: '',
    unknown: [],
  };
  const text: string[] = [];
  for (const match of line.matchAll(word)) {
    let key = match[1]?.toLowerCase();
    let value = match[2];
    const bare = match[4];
    if (key === undefined && bare !== undefined) {
      const colon = bare.indexOf(':');
      if (colon > 0) {
        key = bare.slice(0, colon).toLowerCase();
        value = bare.slice(colon + 1);
      }
    }
    if (key === undefined) {
      text.push(match[3] ?? bare ?? '');
      continue;
    }
    if (!keys.has(key)) {
      out.unknown.push(match[0]);
      continue;
    }
    if (!value) continue; // still being typed
    if (key === 'status') {
      const status = statuses[value.toLowerCase()];
      if (status) out.status = status;
      else out.unknown.push(match[0]);
    } else if (key === 'site') out.site = value;
    else if (key === 'tag') out.tags.push(...value.split(',').filter(Boolean));
    else if (key === 'template') {
      const id = Number(value);
      if (Number.isInteger(id) && id > 0) out.template = id;
      else out.unknown.push(match[0]);
    } else if (value.toLowerCase() === 'decommissioned') out.decommissioned = true;
    else out.unknown.push(match[0]);
  }
  out.text = text.filter(Boolean).join(' ');
  return out;
}

const quoted = (value: string) => (/[\s"]/.test(value) || value === '' ? `"${value}"` : value);

/** Writes a query line that parses to the same. */
export function formatQueryLine(q: QueryLine): string {
  const parts: string[] = [];
  if (q.status) parts.push(`status:${q.status.toLowerCase()}`);
  if (q.site) parts.push(`site:${quoted(q.site)}`);
  for (const tag of q.tags) parts.push(`tag:${quoted(tag)}`);
  if (q.template) parts.push(`template:${q.template}`);
  if (q.decommissioned) parts.push('is:decommissioned');
  parts.push(...q.unknown);
  if (q.text) parts.push(q.text);
  return parts.join(' ');
}

/** The list endpoint's parameters for a query line. */
export function toFilter(q: QueryLine): DeviceFilter {
  const out: DeviceFilter = {};
  if (q.text) out.q = q.text;
  if (q.status) out.status = q.status;
  if (q.site) out.site_id = q.site;
  if (q.tags.length > 0) out.tags = q.tags.join(',');
  if (q.template) out.template_id = q.template;
  if (q.decommissioned) out.decommissioned = true;
  return out;
}
