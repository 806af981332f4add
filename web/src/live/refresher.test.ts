import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Refresher } from './refresher';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('answers news of one moment together, soon, and then at most once in its pace', () => {
  const asked: string[][] = [];
  const r = new Refresher<string>((what) => asked.push([...what]), 2000);
  r.ask('a');
  r.ask('b', 'a');
  vi.advanceTimersByTime(199);
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(asked).toEqual([['a', 'b']]);
  for (let i = 0; i < 100; i += 1) {
    r.ask('c');
    vi.advanceTimersByTime(100);
  }
  expect(asked.length).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeLessThanOrEqual(6);
});

it('forgets what waits when it is stopped', () => {
  const asked: string[][] = [];
  const r = new Refresher<string>((what) => asked.push([...what]));
  r.ask('a');
  r.stop();
  vi.advanceTimersByTime(10_000);
  expect(asked).toEqual([]);
});
