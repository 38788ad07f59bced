/**
 * How far a channel has been read, and whether something waits in it. The server's read state is the truth; what was
 * read here and is not confirmed yet adds to it, unless the reader has set it back elsewhere meanwhile.
 */
import type { Channel, Id, ReadState } from "../protocol/contract";
import { compareIds, newerId } from "../protocol/ids";

export interface ReadEntry {
  lastReadId: Id | null;
  mentionCount: number;
  /** As the server has it; null also when nothing was read. */
  confirmedId: Id | null;
  /** Changed here and not confirmed: came into view, was marked read by the reader, or marked unread. */
  unconfirmed: "seen" | "marked" | "back" | null;
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

/** When a message with this id was written. */
export function timeOf(id: Id): string {
  return new Date(Number(BigInt(id) >> 21n)).toISOString();
}

export function idBefore(id: Id): Id {
  return (BigInt(id) - 1n).toString();
}

/** Further back than the server had it before: only the reader does that, on another device. */
export function isSetBack(before: Id | null, now: Id | null): boolean {
  return before !== null && (now === null || compareIds(now, before) < 0);
}

/** A read state of the server meets what is known here. */
export function mergeReadState(entry: ReadEntry | undefined, incoming: ReadState, newest: Newest): ReadEntry {
  const { lastReadId, mentionCount } = incoming;
  const fromServer: ReadEntry = { lastReadId, mentionCount, confirmedId: lastReadId, unconfirmed: null };
  if (!entry?.unconfirmed || entry.lastReadId === lastReadId) return fromServer;
  if (entry.unconfirmed === "back") return { ...entry, confirmedId: lastReadId, mentionCount };
  if (entry.unconfirmed === "seen" && isSetBack(entry.confirmedId, lastReadId)) return fromServer;
  if (newerId(entry.lastReadId, lastReadId) === lastReadId) return fromServer;
  const waiting = isUnread(newest, entry.lastReadId) ? mentionCount : 0;
  return { ...entry, confirmedId: lastReadId, mentionCount: waiting };
}

const NOTHING_READ: ReadEntry = { lastReadId: null, mentionCount: 0, confirmedId: null, unconfirmed: null };

/** Reading never goes back; returns the same entry if nothing changes. */
export function readUpTo(
  entry: ReadEntry = NOTHING_READ,
  messageId: Id,
  newest: Newest,
  how: "seen" | "marked",
): ReadEntry {
  if (newerId(entry.lastReadId, messageId) === entry.lastReadId) return entry;
  const mentionCount = isUnread(newest, messageId) ? entry.mentionCount : 0;
  return { ...entry, lastReadId: messageId, mentionCount, unconfirmed: how };
}

/** Marked unread: everything from behind this message. */
export function setBackTo(entry: ReadEntry = NOTHING_READ, messageId: Id): ReadEntry {
  return { ...entry, lastReadId: messageId, unconfirmed: "back" };
}

/** The server has refused what was done here. */
export function refused(entry: ReadEntry): ReadEntry {
  return { ...entry, lastReadId: entry.confirmedId, unconfirmed: null };
}

export function withMessage(newest: Newest, messageId: Id, mine: boolean): Newest {
  return {
    id: newerId(newest.id, messageId),
    foreignId: mine ? newest.foreignId : newerId(newest.foreignId, messageId),
  };
}

/**
 * `ready` says which message is the newest now, and not whose it is: that is known if it came by here. One that was
 * the newest before may be deleted since.
 */
export function ofChannel(newest: Newest, { lastMessageId }: Pick<Channel, "lastMessageId">): Newest {
  if (lastMessageId === undefined) return NO_MESSAGES;
  if (lastMessageId === newest.id) return newest;
  return { id: lastMessageId, foreignId: lastMessageId };
}

/** A channel is announced or has changed: it may be older than a message that came by. */
export function withChannel(newest: Newest, { lastMessageId }: Pick<Channel, "lastMessageId">): Newest {
  if (lastMessageId === undefined || lastMessageId === newest.id) return newest;
  return withMessage(newest, lastMessageId, false);
}

/**
 * A message is gone; `left` is the newest of those that the channel still has, where the server says so (null: none).
 * Else what was read up to the message before it stays read.
 */
export function withoutMessage(newest: Newest, messageId: Id, left: Id | null | undefined): Newest {
  if (left === null)
    return newest.id === null || compareIds(newest.id, messageId) <= 0 ? NO_MESSAGES : newest;
  const before = (id: Id | null) => {
    if (id === null || compareIds(id, messageId) > 0) return id;
    if (left !== undefined && compareIds(id, left) > 0) return left;
    return id === messageId ? idBefore(messageId) : id;
  };
  return { id: before(newest.id), foreignId: before(newest.foreignId) };
}
