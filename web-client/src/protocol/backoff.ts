/** How long to wait before attempt `n` (from 0): doubling, with jitter, so that not all clients return at once. */
export const BACKOFF_MAX_MS = 10_000;

export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(attempt, 10));
  return Math.ceil(full * (0.5 + random() / 2));
}
