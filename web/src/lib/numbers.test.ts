import { describe, expect, it } from 'vitest';
import { axisLabels, value } from './numbers';

describe('labels of an axis', () => {
  it('says the number it stands at', () => {
    expect(axisLabels([10, 12.5, 15], 2.5)).toEqual(['10.0', '12.5', '15.0']);
    expect(axisLabels([0, 0.25, 0.5], 0.25)).toEqual(['0.00', '0.25', '0.50']);
    expect(axisLabels([100, 200], 100)).toEqual(['100', '200']);
    expect(axisLabels([-0.30000000000000004, -0.1, 0.1], 0.2)).toEqual(['-0.3', '-0.1', '0.1']);
    expect(axisLabels([-1e-17, 0.5], 0.5)).toEqual(['0.0', '0.5']);
  });
  it('tells neighbours apart, however large or small', () => {
    expect(axisLabels([12_000.5, 12_001], 0.5)).toEqual(['12000.5', '12001.0']);
    for (const [splits, step] of [
      [[12_000_000, 12_000_500, 12_001_000], 500],
      [[1e-6, 1.5e-6, 2e-6], 5e-7],
    ] as const) {
      const labels = axisLabels(splits, step);
      expect(labels.map(Number)).toEqual(splits);
    }
  });
});

it('shows values without trailing noise', () => {
  expect([value(-0.001), value(12_345.6), value(null), value(true)]).toEqual(['0.00', '12346', '–', 'true']);
});
