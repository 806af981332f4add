import { expect, it } from 'vitest';
import { pagesFor } from './use-rows';
import { mainReadings } from './readings';

it('asks for the pages in view, and always the first', () => {
  expect(pagesFor(0, 30)).toEqual([0]);
  expect(pagesFor(90, 120)).toEqual([0, 1]);
  expect(pagesFor(99_880, 99_999)).toEqual([0, 998, 999]);
});

it('shows the readings that say most, without positions', () => {
  const list = mainReadings({ lat: 1, zeta: 3, battery_pct: 55, temp_c: 1.25, door_open: false });
  expect(list.map((r) => `${r.name} ${r.text}`)).toEqual([
    'Temperature 1.3 °C',
    'Battery 55 %',
    'Zeta 3',
  ]);
  expect(mainReadings(null)).toEqual([]);
});
