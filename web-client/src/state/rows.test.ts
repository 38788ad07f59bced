import { expect, test } from "vitest";
import type { OutboxEntry } from "../protocol/api";
import type { Message } from "../protocol/contract";
import type { Row } from "./api";
import { buildRows, type RowSource } from "./rows";
import { CHANNEL, ME, message, NOON, NOOR } from "./testing/history";

const source = (messages: Message[], change: Partial<RowSource> = {}): RowSource => ({
  messages,
  pending: [],
  meId: ME.id,
  firstUnreadId: null,
  complete: false,
  keyOf: ({ id }) => id,
  ...change,
});
const rowsOf = (messages: Message[], change?: Partial<RowSource>) =>
  buildRows(source(messages, change), new Map());
/** `m1`, `+m2` when grouped, and the kinds of the other rows. */
const shown = (rows: Row[]) =>
  rows.map((row) => {
    if (row.kind === "message") return (row.grouped ? "+" : "") + row.message.content;
    if (row.kind === "pending") return (row.grouped ? "+" : "") + row.entry.content;
    return row.kind;
  });
const entry = (content: string, second: number, change: Partial<OutboxEntry> = {}): OutboxEntry => ({
  nonce: content,
  channelId: CHANNEL,
  content,
  replyToId: null,
  createdAt: NOON + second * 1000,
  state: "waiting",
  failure: null,
  notBefore: null,
  ...change,
});

test("messages of one author are grouped within seven minutes", () => {
  const rows = rowsOf([message(0), message(419), message(419 + 420)]);
  expect(shown(rows)).toEqual(["day", "m0", "+m419", "m839"]);
});

test("another author, an answer and a system message break a group", () => {
  const quote = { id: message(1).id, author: NOOR, content: "m1" };
  const rows = rowsOf([
    message(1),
    message(2, { author: ME }),
    message(3, { author: ME, type: "reply", replyTo: quote }),
    message(4, { author: ME }),
    message(5, { author: ME, type: "reply", replyTo: null }),
    message(6, { author: ME, type: "systemJoined" }),
    message(7, { author: ME }),
  ]);
  expect(shown(rows)).toEqual(["day", "m1", "m2", "m3", "+m4", "m5", "m6", "m7"]);
});

test("a new day breaks a group and is said, once", () => {
  const midnight = 12 * 3600;
  const rows = rowsOf([message(midnight - 1), message(midnight), message(midnight + 1)]);
  expect(shown(rows)).toEqual(["day", `m${midnight - 1}`, "day", `m${midnight}`, `+m${midnight + 1}`]);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test("clocks that differ at midnight give no day twice", () => {
  const midnight = 12 * 3600;
  const early = message(midnight + 1, { createdAt: message(midnight - 1).createdAt });
  const rows = rowsOf([message(midnight - 2), message(midnight), early]);
  expect(rows.filter(({ kind }) => kind === "day")).toHaveLength(2);
});

test("the new line stands before the first unread message and breaks the group", () => {
  const rows = rowsOf([message(1), message(2), message(3)], { firstUnreadId: message(2).id });
  expect(shown(rows)).toEqual(["day", "m1", "new", "m2", "+m3"]);
});

test("the beginning is shown when the first message is there", () => {
  expect(shown(rowsOf([message(1)], { complete: true }))).toEqual(["beginning", "day", "m1"]);
  expect(shown(rowsOf([], { complete: true }))).toEqual(["beginning"]);
});

test("pending messages come last and are grouped like the messages they become", () => {
  const pending = [entry("a", 2), entry("b", 3), entry("c", 4, { replyToId: message(1).id })];
  const rows = rowsOf([message(1, { author: ME })], { pending });
  expect(shown(rows)).toEqual(["day", "m1", "+a", "+b", "c"]);
});

test("only others' mentions of the reader count", () => {
  const rows = rowsOf([
    message(1, { mentions: [ME.id] }),
    message(2, { mentionsEveryone: true }),
    message(3, { author: ME, mentions: [ME.id] }),
    message(4, { mentions: [NOOR.id] }),
  ]);
  const mentions = rows.flatMap((row) => (row.kind === "message" ? [row.mentionsMe] : []));
  expect(mentions).toEqual([true, true, false, false]);
});

test("rows that did not change are the same objects", () => {
  const held = [message(1), message(2), message(3)];
  const before = rowsOf(held);
  const byKey = new Map(before.map((row) => [row.key, row]));
  const changed = held.with(1, message(2, { content: "edited" }));
  const after = buildRows(source([...changed, message(4)]), byKey);
  expect(after.map((row, index) => row === before[index])).toEqual([true, true, false, true, false]);
});

test("an outbox entry that failed is drawn again", () => {
  const before = rowsOf([], { pending: [entry("a", 1)] });
  const failed = entry("a", 1, { state: "failed", failure: { code: "forbidden", message: "" } });
  const after = buildRows(source([], { pending: [failed] }), new Map(before.map((row) => [row.key, row])));
  expect(after.at(-1)).not.toBe(before.at(-1));
});
