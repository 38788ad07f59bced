/**
 * From messages and the outbox to the rows of a timeline: day, "new" and beginning marks, grouping by author.
 * Rows that have not changed keep their identity, so that only changed ones are drawn again.
 */
import type { OutboxEntry } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";
import type { Row } from "./api";

/** After this a message shows its author again, also if nobody else has written. */
const GROUP_MS = 7 * 60_000;

export interface RowSource {
  messages: readonly Message[];
  /** Of this channel, in order. */
  pending: readonly OutboxEntry[];
  meId: Id | null;
  firstUnreadId: Id | null;
  /** The first message of the channel is among them. */
  complete: boolean;
  /** The row of an own message keeps the key that it had while pending. */
  keyOf: (message: Message) => string;
}

export function buildRows(source: RowSource, before: ReadonlyMap<string, Row>): Row[] {
  const rows: Row[] = [];
  const put = (row: Row) => rows.push(reuse(before.get(row.key), row));
  let last: { day: number; time: number; authorId: Id | null; breaks: boolean } | null = null;

  const startDay = (time: number): number => {
    const day = dayOf(time);
    // Only forwards: nodes whose clocks differ at midnight must not give the same day twice.
    if (last && day <= last.day) return last.day;
    put({ kind: "day", key: `day:${day}`, time: day });
    if (last) last.breaks = true;
    return day;
  };
  const follows = (time: number, authorId: Id | null) =>
    last !== null && !last.breaks && last.authorId === authorId && time - last.time < GROUP_MS;

  if (source.complete) put({ kind: "beginning", key: "beginning" });
  for (const message of source.messages) {
    const time = Date.parse(message.createdAt);
    const day = startDay(time);
    const isNew = message.id === source.firstUnreadId;
    if (isNew) put({ kind: "new", key: "new" });
    const system = message.type.startsWith("system");
    const answers = message.type === "reply" || Boolean(message.replyTo);
    const mine = message.author.id === source.meId;
    put({
      kind: "message",
      key: source.keyOf(message),
      message,
      grouped: !system && !answers && !isNew && follows(time, message.author.id),
      mine,
      mentionsMe: !mine && mentions(message, source.meId),
    });
    last = { day, time, authorId: message.author.id, breaks: system };
  }
  for (const entry of source.pending) {
    const day = startDay(entry.createdAt);
    const grouped = entry.replyToId === null && follows(entry.createdAt, source.meId);
    put({ kind: "pending", key: entry.nonce, entry, grouped });
    last = { day, time: entry.createdAt, authorId: source.meId, breaks: false };
  }
  return rows;
}

function mentions(message: Message, meId: Id | null): boolean {
  return message.mentionsEveryone || (meId !== null && message.mentions.includes(meId));
}

/** Midnight in the reader's zone. */
function dayOf(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

function reuse(held: Row | undefined, row: Row): Row {
  return held && sameRow(held, row) ? held : row;
}

function sameRow(a: Row, b: Row): boolean {
  if (a.kind === "message" && b.kind === "message") {
    return (
      a.message === b.message && a.grouped === b.grouped && a.mine === b.mine && a.mentionsMe === b.mentionsMe
    );
  }
  if (a.kind === "pending" && b.kind === "pending") {
    return a.grouped === b.grouped && sameEntry(a.entry, b.entry);
  }
  return a.kind === b.kind;
}

/** The outbox may answer with new objects, or change its own. */
function sameEntry(a: OutboxEntry, b: OutboxEntry): boolean {
  return a.state === b.state && a.failure?.code === b.failure?.code && a.notBefore === b.notBefore;
}
