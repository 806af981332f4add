import { expect, it } from 'vitest';
import { bounds, changesIn, otherDetails, shown } from './changes';

it('tells members that differ', () => {
  const details = { before: { city: 'Kiel', phone: null, tags: ['a'] }, after: { city: 'Lübeck', phone: null, tags: ['a', 'b'] }, reason: 'moved' };
  expect(changesIn(details)).toEqual([
    { name: 'city', before: 'Kiel', after: 'Lübeck' },
    { name: 'tags', before: 'a', after: 'a, b', list: { removed: [], added: ['b'], kept: 1 } },
  ]);
  expect(otherDetails(details)).toEqual([['reason', 'moved']]);
});

it('finds nothing where nothing is told', () => {
  expect(changesIn(null)).toEqual([]);
  expect(changesIn({ before: 'x' })).toEqual([]);
});

it('shows values as people read them', () => {
  expect([null, [], true, { a: 1 }].map(shown)).toEqual(['–', '–', 'true', '{"a":1}']);
});

it('takes the last day whole', () => {
  const { start, end } = bounds('2026-11-01', '2026-11-02');
  expect(Date.parse(end!) - Date.parse(start!)).toBe(2 * 86_400_000);
  expect(bounds('soon', null)).toEqual({});
});
