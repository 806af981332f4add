// What the page makes of a file and of its answer, beside asking the server.
import type { ImportAnswer, ImportResultRow } from '@/api/imports';
import { csv, parseCsv } from '@/lib/csv';

/** What one request takes; more goes through the background. */
export const mostRows = 500;
export const mostBytes = 1024 * 1024;

export const columns: [name: string, words: string][] = [
  ['name', 'needed'],
  ['device_type', 'needed; pump, gateway, ...'],
  ['device_id', 'letters, digits, “-”, “_”; made from the name when absent'],
  ['site_id', 'a site that exists; default-site when absent'],
  ['template', 'slug or id of a template'],
  ['tags', 'separated by commas'],
  ['plan', 'basic when absent'],
  ['latitude', 'with longitude'],
  ['longitude', 'with latitude'],
  ['serial_number', ''],
];

/** A file to begin with. */
export const sample = csv(
  ['name', 'device_type', 'device_id', 'site_id', 'template', 'tags', 'serial_number'],
  [
    ['Cold store 1', 'cold store', 'cold-101', '', 'cold-chain-logger', 'cold, pilot', 'SN-0001'],
    ['Tank 4', 'tank', 'tank-104', '', 'tank-level', '', 'SN-0002'],
  ],
);

/** Too much for one request. */
export const isLarge = (size: number, text: string): boolean =>
  size > mostBytes || parseCsv(text).length - 1 > mostRows;

export const problems = (answer: ImportAnswer): ImportResultRow[] =>
  answer.results.filter((r) => r.status !== 'ok');

/** The rows that were refused, as they came, with what is wrong: to mend and drop again. */
export function refusedCsv(text: string, answer: ImportAnswer): string {
  const [header = [], ...rows] = parseCsv(text);
  const at = header.indexOf('problem');
  const without = (cells: string[]) => cells.filter((_, i) => i !== at);
  return csv(
    [...without(header), 'problem'],
    problems(answer).map((r) => [
      ...without(header.map((_, i) => rows[r.row - 1]?.[i] ?? '')),
      r.message ?? '',
    ]),
  );
}

export const resultCsv = (answer: ImportAnswer): string =>
  csv(
    ['row', 'name', 'status', 'device_id', 'message'],
    answer.results.map((r) => [r.row, r.name, r.status, r.device_id, r.message]),
  );

/** Credentials as they are: a quote in front of a password would make it a wrong one. */
export const credentialsCsv = (answer: ImportAnswer, tenant: string): string =>
  ['device_id,client_id,username,password']
    .concat(
      answer.results
        .filter((r) => r.password)
        .map((r) => `${r.device_id},${r.client_id},${tenant}/${r.device_id},${r.password}`),
    )
    .join('\r\n') + '\r\n';

/** A file's name without its end. */
export const stem = (name: string): string => name.replace(/\.[^.]*$/, '') || 'devices';
