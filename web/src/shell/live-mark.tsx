import { useEffect, useState } from 'react';
import { hub } from '@/live/hub';
import { useLiveState } from '@/live/hooks';

const words = {
  live: 'Live',
  connecting: 'Connecting',
  waiting: 'Reconnecting',
  offline: 'No network',
  refused: 'Not live',
} as const;
const help = {
  live: 'Data arrives as it happens.',
  connecting: 'Opening the live connection.',
  waiting: 'The live connection broke. Pages ask for news meanwhile, and catch up on return.',
  offline: 'This computer has no network. Pages show what they last knew.',
  refused: 'The server refused the live connection. Pages ask for news meanwhile. Click to try again.',
} as const;

/** State of the live connection: dot, ring or square, always with its word. */
export function LiveMark() {
  const state = useLiveState();
  const [left, setLeft] = useState<number | null>(null);
  useEffect(() => {
    if (state !== 'waiting') return;
    const tell = () => setLeft(Math.max(0, Math.ceil(((hub.retryAt ?? 0) - Date.now()) / 1000)));
    tell();
    const timer = setInterval(tell, 500);
    return () => clearInterval(timer);
  }, [state]);
  const colour = state === 'live' ? 'text-online' : state === 'connecting' ? 'text-ink-3' : 'text-stale';
  return (
    <button
      type="button"
      onClick={() => hub.hurry()}
      title={help[state]}
      className="flex items-center gap-1.5 rounded-s px-1 text-ink-2"
    >
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className={colour}>
        {state === 'live' && <circle cx="5" cy="5" r="4" fill="currentColor" />}
        {(state === 'connecting' || state === 'waiting') && (
          <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
        )}
        {(state === 'offline' || state === 'refused') && <rect x="1" y="1" width="8" height="8" fill="currentColor" />}
      </svg>
      <span role="status" className="num whitespace-nowrap">
        {words[state]}
      </span>
      {state === 'waiting' && left !== null && left > 0 && (
        <span className="num text-12 text-ink-3">{left} s</span>
      )}
    </button>
  );
}
