/**
 * Milliseconds to wait before attempt `n` (0 is the first retry): doubling from 0.5 s to 30 s,
 * with up to half taken off at random, so that a fleet of browsers does not return in step.
 */
export function backoff(n: number, random: () => number = Math.random): number {
  const full = Math.min(30_000, 500 * 2 ** Math.min(n, 10));
  return Math.round(full * (1 - random() / 2));
}
