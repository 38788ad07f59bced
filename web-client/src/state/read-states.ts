/**
 * How far a channel has been read, and whether something waits in it. The server's read state is the truth; what was
 * read here and is not confirmed yet only ever adds to it.
 */
import type { Channel, Id, Member, ReadState } from "../protocol/contract";
import { compareIds, newerId } from "../protocol/ids";

export interface ReadEntry {
  lastReadId: Id | null;
  mentionCount: number;
  /** Changed here and not confirmed: `forward` by reading, `back` by marking unread. */
  unconfirmed: "forward" | "back" | null;
}

/** What is known of the messages of a channel without having them. */
export interface Newest {
  /** Of anybody. */
  id: Id | null;
  /** Of somebody else: one's own messages never make unread. */
  foreignId: Id | null;
}

export const NO_MESSAGES: Newest = { id: null, foreignId: null };

export function isUnread(newest: Newest, lastReadId: Id | null): boolean {
  if (newest.foreignId === null) return false;
  return lastReadId === null || compareIds(newest.foreignId, lastReadId) > 0;
}

/** The id that a message of this time would have at least: milliseconds, then 21 bits. */
export function firstIdAt(time: string): Id {
  return (BigInt(Date.parse(time)) << 21n).toString();
}

export function idBefore(id: Id): Id {
  return (BigInt(id) - 1n).toString();
}

/** Who joined does not have to read what was written before. */
export function readFrom(entry: ReadEntry | undefined, membership: Member | undefined): Id | null {
  if (entry && entry.lastReadId !== null) return entry.lastReadId;
  return membership ? firstIdAt(membership.joinedAt) : null;
}

/** A read state of the server meets what is known here. */
export function mergeReadState(entry: ReadEntry | undefined, incoming: ReadState, newest: Newest): ReadEntry {
  const { lastReadId, mentionCount } = incoming;
  const fromServer: ReadEntry = { lastReadId, mentionCount, unconfirmed: null };
  if (!entry?.unconfirmed) return fromServer;
  if (entry.lastReadId === lastReadId) return fromServer;
  if (entry.unconfirmed === "back") return { ...entry, mentionCount };
  if (newerId(entry.lastReadId, lastReadId) === lastReadId) return fromServer;
  return { ...entry, mentionCount: isUnread(newest, entry.lastReadId) ? mentionCount : 0 };
}

/** Reading never goes back; returns the same entry if nothing changes. */
export function readUpTo(entry: ReadEntry | undefined, messageId: Id, newest: Newest): ReadEntry {
  const known = entry ?? { lastReadId: null, mentionCount: 0, unconfirmed: null };
  if (newerId(known.lastReadId, messageId) === known.lastReadId) return known;
  return {
    lastReadId: messageId,
    mentionCount: isUnread(newest, messageId) ? known.mentionCount : 0,
    unconfirmed: "forward",
  };
}

/** What the reader did, in either direction, until the server answers. */
export function assumed(entry: ReadEntry | undefined, messageId: Id, newest: Newest): ReadEntry {
  const last = entry?.lastReadId ?? null;
  if (newerId(last, messageId) === messageId) return readUpTo(entry, messageId, newest);
  return { lastReadId: messageId, mentionCount: entry?.mentionCount ?? 0, unconfirmed: "back" };
}

export function withMessage(newest: Newest, messageId: Id, mine: boolean): Newest {
  return {
    id: newerId(newest.id, messageId),
    foreignId: mine ? newest.foreignId : newerId(newest.foreignId, messageId),
  };
}

/** `ready` says which message is the newest, but not whose it is; one's own are known if they came by here. */
export function withChannel(newest: Newest, channel: Pick<Channel, "lastMessageId">): Newest {
  const { lastMessageId } = channel;
  if (lastMessageId === undefined) return newest;
  return withMessage(newest, lastMessageId, lastMessageId === newest.id && newest.id !== newest.foreignId);
}

/** The newest message is gone, and the one before it is not known: what was read up to it stays read. */
export function withoutMessage(newest: Newest, messageId: Id): Newest {
  const before = (id: Id | null) => (id === messageId ? idBefore(messageId) : id);
  return { id: before(newest.id), foreignId: before(newest.foreignId) };
}
