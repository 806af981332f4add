import { lazy, useState, type ComponentType } from 'react';

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

/**
 * A part that is loaded when first shown, or before by `preload`; a short outage of the server does
 * not break it. Once loaded it renders at once, without a fallback between. `otherwise` stands in
 * for a part that the page can do without.
 */
export function lazyPart<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
  otherwise?: ComponentType<P>,
) {
  let loaded: ComponentType<P> | null = null;
  const get = async () => {
    const part = await patiently(load).catch((error: unknown) => {
      if (otherwise) return { default: otherwise };
      throw error;
    });
    loaded = part.default;
    return part;
  };
  const Lazy = lazy(get);
  function Part(props: P) {
    // Chosen once: another component in the same place would begin anew.
    const [Chosen] = useState<ComponentType<P> | typeof Lazy>(() => loaded ?? Lazy);
    return <Chosen {...props} />;
  }
  Part.preload = get;
  return Part;
}
