import { expect, it } from 'vitest';
import { faultAt, parts, quoted, termOf, withTerm } from './query-line';

it('takes a line apart without breaking quotes', () => {
  expect(parts('status:online site:"Hamburg Hub" -tag:"a b",c temp_c>30 "cold store"')).toEqual([
    'status:online', 'site:"Hamburg Hub"', '-tag:"a b",c', 'temp_c>30', '"cold store"',
  ]);
  expect(parts('')).toEqual([]);
  expect(parts('site:"Ham')).toEqual(['site:"Ham']);
});

it('finds the value of a term that must hold', () => {
  expect(termOf('pump SITE:"Hamburg \\"Hub\\"" 41', 'site')).toBe('Hamburg "Hub"');
  expect(termOf('status:online', 'status')).toBe('online');
  for (const line of ['-site:a', 'site:', 'site:a OR tag:b', 'tag:b OR site:a', 'onsite:a', ''])
    expect(termOf(line, 'site')).toBeNull();
});

it('changes one term and leaves everything else as it was typed', () => {
  const line = 'temp_c>30 site:a -site:b "x  y" tag:a OR site:c';
  expect(withTerm(line, 'site', 'Hamburg Hub')).toBe('temp_c>30 -site:b "x  y" tag:a OR site:c site:"Hamburg Hub"');
  expect(withTerm(line, 'site', null)).toBe('temp_c>30 -site:b "x  y" tag:a OR site:c');
  expect(withTerm('', 'status', 'online')).toBe('status:online');
  for (const value of ['a', 'a b', 'a"b', 'a\\b c', 'a,b', 'a*', ''])
    expect(termOf(`site:${quoted(value)}`, 'site') ?? '').toBe(value);
});

it('knows where a refused search is at fault', () => {
  expect(faultAt("Search term 'temp_c>warm' at position 6: '>' needs a number")).toBe(5);
  expect(faultAt('A search has at most 500 characters')).toBeNull();
});
