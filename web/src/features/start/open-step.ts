// Which step is open: it stays so until the user leaves it, also when it is done meanwhile, so that
// what it has to show (the first message) is seen.
import type { Step } from './queries';

type Id = Step['id'];

export interface Opened {
  /** The open step; null: none is left to do. */
  id: Id | null;
  /** The user has finished its dialog: once it is done, the next one opens. */
  finished: boolean;
  /** A step that was left while the URL named it: until the URL says something else, it does not count. */
  left: string | null;
}

/** What is open now. `old` is null before the first look; `wanted` is the step that the URL names. */
export function nextOpen(steps: readonly Step[], old: Opened | null, wanted: string | null): Opened {
  const left = old !== null && old.left === wanted ? wanted : null;
  const named = left === null ? steps.find((s) => s.id === wanted) : undefined;
  const id = named?.id ?? old?.id ?? null;
  const now = steps.find((s) => s.id === id);
  const over = now?.done === true && old?.finished === true && old.id === now.id;
  if (now && !over) return { id: now.id, finished: old?.id === now.id && old.finished, left };
  return { id: steps.find((s) => !s.done)?.id ?? null, finished: false, left: wanted };
}
