import { describe, expect, it } from 'vitest';
import { backoff } from './backoff';
import { Interests, nobody } from './interests';

describe('back-off', () => {
  it('doubles to a ceiling and spreads', () => {
    expect(backoff(0, () => 0)).toBe(500);
    expect(backoff(3, () => 0)).toBe(4000);
    expect(backoff(50, () => 0)).toBe(30_000);
    expect(backoff(50, () => 1)).toBe(15_000);
  });
});

describe('interests', () => {
  it('tells changes only, and never leaves the filter empty', () => {
    const i = new Interests();
    i.add(['a', 'b']);
    i.add(['b']);
    expect(i.changes()).toEqual([{ action: 'subscribe', device_ids: [nobody, 'a', 'b'] }]);
    expect(i.changes()).toEqual([]);
    i.remove(['a', 'b']);
    expect(i.changes()).toEqual([{ action: 'unsubscribe', device_ids: ['a'] }]);
    i.remove(['b']);
    expect(i.changes()).toEqual([{ action: 'unsubscribe', device_ids: ['b'] }]);
  });
  it('stays below the limit of the server', () => {
    const i = new Interests();
    i.add(Array.from({ length: 500 }, (_, n) => `d${n}`));
    const sent = i.changes() as { device_ids: string[] }[];
    expect(sent.flatMap((m) => m.device_ids).length).toBeLessThanOrEqual(200);
  });
  it('says everything again on a new connection', () => {
    const i = new Interests();
    i.add(['a']);
    i.changes();
    i.forget();
    expect(i.changes()).toEqual([{ action: 'subscribe', device_ids: [nobody, 'a'] }]);
  });
});
