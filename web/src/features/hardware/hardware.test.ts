import { describe, expect, it } from 'vitest';
import { mapOf, pairsFault, pairsOf } from './key-map';
import { outside, rangeOf } from './ranges';

describe('names of a module', () => {
  it('go from a form to the API and back; empty lines count for nothing', () => {
    const pairs = [{ from: ' t1 ', to: 'tank_temperature' }, { from: '', to: '' }];
    expect(pairsFault(pairs)).toBe(false);
    expect(mapOf(pairs)).toEqual({ t1: 'tank_temperature' });
    expect(pairsOf(mapOf(pairs))).toEqual([{ from: 't1', to: 'tank_temperature' }]);
  });
  it('are refused by halves, twice, or where they are no metric', () => {
    expect(pairsFault([{ from: 't1', to: '' }])).toMatch(/both/);
    expect(pairsFault([{ from: 'a', to: 'x' }, { from: 'a', to: 'y' }])).toMatch(/twice/);
    expect(pairsFault([{ from: 'a', to: '1 x' }])).toMatch(/letter/);
  });
});

it('tells a value outside its range', () => {
  const s = { min_range: 0, max_range: 10, last_value: 11 };
  expect(outside(s)).toBe(true);
  expect(outside({ ...s, last_value: 10 })).toBe(false);
  expect(outside({ ...s, last_value: null })).toBe(false);
  expect(outside({ ...s, max_range: null })).toBe(false);
  expect(rangeOf(s)).toBe('0 to 10');
  expect(rangeOf({ min_range: null, max_range: 10 })).toBe('… to 10');
  expect(rangeOf({ min_range: null, max_range: null })).toBe('');
});
