/** Ids are snowflakes as decimal strings; without leading zeros the longer one is the newer one. */
import type { Id } from "./contract";

export function compareIds(a: Id, b: Id): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The id that a message of this Unix time in milliseconds would have at least: the milliseconds, then 21 bits. */
export function firstIdAt(unixMs: number): Id {
  return String(BigInt(Math.max(Math.trunc(unixMs), 0)) << 21n);
}

export function newerId(a: Id | null | undefined, b: Id | null | undefined): Id | null {
  if (!a) return b ?? null;
  if (!b) return a;
  return compareIds(a, b) >= 0 ? a : b;
}
