import { lazy, type ComponentType } from 'react';

const pauses = [300, 1000, 3000];

async function patiently<T>(load: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await load();
    } catch {
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  return load();
}

/** A part that is loaded when first shown; a short outage of the server does not break it. */
export function lazyPart<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(() => patiently(load));
}
