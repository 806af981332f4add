import { expect, it } from 'vitest';
import { forEach, lanes } from './for-each';

it('goes on after a failure and names what failed', async () => {
  const heard: number[] = [];
  const act = (id: string) => (id === 'b' ? Promise.reject(new Error('no')) : Promise.resolve());
  const out = await forEach(['a', 'b', 'c'], act, (n) => heard.push(n), 2);
  expect([...out.done].sort()).toEqual(['a', 'c']);
  expect(out.failed.map((f) => f.id)).toEqual(['b']);
  expect(heard).toEqual([1, 2, 3]);
  expect(await forEach([], act)).toEqual({ done: [], failed: [] });
});

it('lets only so many run at once, and drops the aborted', async () => {
  const run = lanes(2);
  const open: (() => void)[] = [];
  const begun: string[] = [];
  const task = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((done) => open.push(() => done(name)));
  };
  const gone = new AbortController();
  const idle = new AbortController().signal;
  const all = [run(task('a'), idle), run(task('b'), idle), run(task('c'), gone.signal), run(task('d'), idle)];
  const settled = Promise.allSettled(all);
  expect(begun).toEqual(['a', 'b']);
  gone.abort();
  while (begun.length < 3) {
    open.shift()?.();
    await Promise.resolve();
  }
  for (const o of open) o();
  expect(begun).toEqual(['a', 'b', 'd']);
  expect((await settled).map((s) => s.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});
