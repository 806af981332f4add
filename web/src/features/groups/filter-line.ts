// A dynamic group's filter as one line of the search language, to show and to edit.
import { quoted } from '@/lib/query-line';

const signs: Record<string, string> = { GT: '>', GTE: '>=', LT: '<', LTE: '<=', EQ: '=', NE: '!=' };

interface Comparison {
  metric: string;
  op: string;
  value: number;
}

/** The line that finds the same devices. */
export function lineOf(filter: Record<string, unknown> | null): string {
  if (!filter) return '';
  const out: string[] = [];
  if (typeof filter.status === 'string') out.push(`status:${filter.status.toLowerCase()}`);
  if (Array.isArray(filter.tags) && filter.tags.length > 0)
    out.push(`tag:${filter.tags.map((t) => quoted(String(t))).join(',')}`);
  if (typeof filter.site_id === 'string') out.push(`site:${quoted(filter.site_id)}`);
  if (typeof filter.template_id === 'number') out.push(`template:${filter.template_id}`);
  for (const c of (filter.metrics as Comparison[] | undefined) ?? [])
    out.push(`${c.metric}${signs[c.op] ?? '='}${c.value}`);
  if (typeof filter.query === 'string') out.push(filter.query);
  return out.join(' ');
}
