import { expect, it } from 'vitest';
import { nextAfter, stepFrom } from './triage';

const order = [11, 12, 13, 14];
const acted = (...ids: number[]) => new Set(ids);

it('goes on with the next alert after one is dealt with', () => {
  expect(nextAfter(order, acted(12), 12, 1)).toBe(13);
  expect(nextAfter(order, acted(12, 13), 12, 1)).toBe(14);
  expect(nextAfter(order, acted(14), 14, 3)).toBe(13);
  expect(nextAfter(order, acted(13, 14), 14, 3)).toBe(12);
  expect(nextAfter(order, acted(11), 13, 2)).toBe(13);
  expect(nextAfter([11], acted(11), 11, 0)).toBeNull();
});

it('keeps its place when the alert left the list by itself', () => {
  expect(nextAfter(order, acted(), 99, 2)).toBe(13);
  expect(nextAfter(order, acted(), 99, 9)).toBe(14);
  expect(stepFrom(order, 99, 2, 1)).toBe(13);
  expect(stepFrom(order, 99, 2, -1)).toBe(12);
});

it('steps within the list', () => {
  expect(stepFrom(order, null, 0, 1)).toBe(11);
  expect(stepFrom(order, 11, 0, 1)).toBe(12);
  expect(stepFrom(order, 14, 3, 1)).toBe(14);
  expect(stepFrom(order, 11, 0, -1)).toBe(11);
  expect(stepFrom([], 11, 0, 1)).toBeNull();
});
