import { expect, it } from 'vitest';
import { sampleOf } from './sample';

const info = { display_name: null, unit: null, precision_digits: 1 };

it('sends what the device sends, else what its template describes', () => {
  expect(sampleOf({ lat: 1, t: -19.5, open: true, h: 60 }, [])).toEqual({ t: -19.5, h: 60 });
  expect(
    sampleOf(null, [
      { ...info, metric_key: 'co2', min_range: 0, max_range: 10_000 },
      { ...info, metric_key: 'x', min_range: null, max_range: null },
    ]),
  ).toEqual({ co2: 5000, x: 20 });
  expect(Object.keys(sampleOf({}, undefined))).toHaveLength(2);
});
