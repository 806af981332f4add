import { expect, it } from 'vitest';
import type { BulkResult } from '@/api/groups';
import { told } from '@/features/devices/use-bulk';
import { lineOf } from './filter-line';

it('writes a filter as a line', () => {
  expect(lineOf({})).toBe('');
  expect(lineOf(null)).toBe('');
  expect(lineOf({ query: 'temp_c>30 OR tag:a' })).toBe('temp_c>30 OR tag:a');
  expect(
    lineOf({
      status: 'ONLINE',
      tags: ['pilot', 'cold store'],
      site_id: 'berlin',
      template_id: 7,
      metrics: [{ metric: 'temp_c', op: 'GTE', value: 3.5 }],
      query: '-tag:old',
    }),
  ).toBe('status:online tag:pilot,"cold store" site:berlin template:7 temp_c>=3.5 -tag:old');
});

it('tells what a bulk change did and what it left', () => {
  const result: BulkResult = { action: 'add_tags', matched: 3, changed: 3, skipped: [], undo: null };
  expect(told(result, { tags: ['a'] })).toBe('Tagged 3 devices “a”');
  expect(
    told({ ...result, changed: 1, skipped: [{ device_id: 'd-1', reason: 'Device not found' }] }, { tags: ['a'] }),
  ).toBe('Tagged 1 device “a”. 1 device left as it was (d-1: device not found)');
  expect(told({ ...result, action: 'decommission', changed: 1 }, {})).toBe('1 device is decommissioned');
});
