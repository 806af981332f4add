import { expect, it } from 'vitest';
import { compareBy, nextOrder } from './order';

const order = (values: (string | number | null)[], down = false) =>
  [...values].sort(compareBy((v) => v, down));

it('sorts text as people do, and numbers by their size', () => {
  expect(order(['b10', 'B2', 'a'])).toEqual(['a', 'B2', 'b10']);
  expect(order([10, 9, 100])).toEqual([9, 10, 100]);
});

it('puts what is missing last in both directions', () => {
  expect(order([null, 2, 1])).toEqual([1, 2, null]);
  expect(order([null, 2, 1], true)).toEqual([2, 1, null]);
});

it('goes through up, down and none', () => {
  expect(nextOrder(null, 'name')).toBe('name');
  expect(nextOrder('name', 'name')).toBe('-name');
  expect(nextOrder('-name', 'name')).toBeNull();
  expect(nextOrder('-name', 'status')).toBe('status');
});
