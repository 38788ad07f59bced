/** Who is typing in a channel, and until when that is believed. */
import type { Id } from "../protocol/contract";

/** Clients repeat `typing:start` while somebody types, well within this time. */
export const TYPING_MS = 10_000;

export type Typists = ReadonlyMap<Id, number>;

export function started(typists: Typists, userId: Id, now: number): Typists {
  return new Map(typists).set(userId, now + TYPING_MS);
}

export function ended(typists: Typists, userId: Id): Typists {
  if (!typists.has(userId)) return typists;
  const left = new Map(typists);
  left.delete(userId);
  return left;
}

export function expired(typists: Typists, now: number): Typists {
  const left = [...typists].filter(([, until]) => until > now);
  return left.length === typists.size ? typists : new Map(left);
}

export function nextExpiry(all: Iterable<Typists>): number | null {
  let next: number | null = null;
  for (const typists of all) {
    for (const until of typists.values()) next = next === null ? until : Math.min(next, until);
  }
  return next;
}
