// One action on many things: a few at a time, and what failed does not stop the rest.

export interface Outcome {
  done: string[];
  failed: { id: string; error: unknown }[];
}

/** Acts on each id, `width` at a time; `onProgress` hears how many are through. */
export async function forEach(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  onProgress: (through: number) => void = () => {},
  width = 4,
): Promise<Outcome> {
  const out: Outcome = { done: [], failed: [] };
  let next = 0;
  const worker = async () => {
    while (next < ids.length) {
      const id = ids[next]!;
      next += 1;
      try {
        await act(id);
        out.done.push(id);
      } catch (error) {
        out.failed.push({ id, error });
      }
      onProgress(out.done.length + out.failed.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, ids.length) }, worker));
  return out;
}

/** Runs at most `width` tasks at once, first come first served; an aborted one never begins. */
export function lanes(width: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async function run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    while (running >= width) await new Promise<void>((go) => waiting.push(go));
    try {
      running += 1;
      signal.throwIfAborted();
      return await task();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
