import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Channel, Id } from "../protocol/contract";
import { Cache, type Draft } from "./cache";
import { Composers } from "./composers";
import { FakeClient } from "./testing/fake-client";
import { CHANNEL, ME, message } from "./testing/history";
import { failure, settled } from "./testing/timelines";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(options: { slowModeSeconds?: number; manages?: boolean; drafts?: Map<Id, Draft> } = {}) {
  const client = new FakeClient(ME);
  const cache = new Cache();
  const saved: [Id, Draft | null][] = [];
  cache.drafts = async () => options.drafts ?? new Map();
  cache.saveDraft = async (channelId, draft) => void saved.push([channelId, draft]);
  const edits: string[] = [];
  const timeline = {
    jumpToPresent: vi.fn(async () => {}),
    edit: vi.fn(async (_messageId: Id, content: string) => void edits.push(content)),
    lastOwnMessage: () => message(1, { author: ME }),
  };
  const channel = { id: CHANNEL, slowModeSeconds: options.slowModeSeconds ?? 0 } as Channel;
  const page = { hide: () => {} };
  const composers = new Composers(
    {
      client,
      cache,
      meId: () => ME.id,
      directory: { channel: () => channel, may: () => options.manages ?? false },
      contentCharsMax: () => 10,
      onHidden: (callback) => {
        page.hide = callback;
        return () => {};
      },
    },
    { of: () => timeline, peek: () => timeline } as never,
  );
  return { client, composers, composer: composers.of(CHANNEL), saved, edits, timeline, channel, page };
}

test("a message goes to the outbox with what it answers, and the composer is empty again", async () => {
  const { client, composer, composers, timeline } = setUp();
  composer.text = "hello\n";
  composer.replyTo = message(1);
  expect(composers.hasDraft(CHANNEL)).toBe(true);
  await composer.submit();
  expect(client.outbox.entries()).toMatchObject([{ content: "hello", replyToId: message(1).id }]);
  expect([composer.text, composer.replyTo, composers.hasDraft(CHANNEL)]).toEqual(["", null, false]);
  expect(timeline.jumpToPresent).toHaveBeenCalledOnce();
});

test("what is empty or too long is not sent; length is counted in characters", async () => {
  const { client, composer } = setUp();
  for (const text of ["", " \n ", "12345678901"]) {
    composer.text = text;
    await composer.submit();
    expect([composer.text, client.outbox.entries()]).toEqual([text, []]);
  }
  composer.text = "👍".repeat(10);
  await composer.submit();
  expect(client.outbox.entries()).toHaveLength(1);
});

test("a draft is saved once the typing rests, at once when the page is hidden, and taken away when sent", async () => {
  const { composer, saved, page } = setUp();
  composer.text = "h";
  composer.text = "he";
  expect(saved).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(saved).toEqual([[CHANNEL, { text: "he", replyTo: null }]]);
  composer.text = "hey";
  page.hide();
  expect(saved.at(-1)).toEqual([CHANNEL, { text: "hey", replyTo: null }]);
  await composer.submit();
  expect(saved.at(-1)).toEqual([CHANNEL, null]);
});

test("drafts come back, but not over what is being typed", async () => {
  const drafts = new Map([
    [CHANNEL, { text: "old", replyTo: null }],
    ["7", { text: "other", replyTo: message(1) }],
  ]);
  const { composers, composer } = setUp({ drafts });
  composer.text = "new";
  await composers.load();
  expect(composer.text).toBe("new");
  expect([composers.hasDraft("7"), composers.hasDraft("8")]).toEqual([true, false]);
  const other = composers.of("7");
  await settled();
  expect([other.text, other.replyTo?.content]).toEqual(["other", "m1"]);
});

test("the draft waits while a message is edited, and is not overwritten in the cache", async () => {
  const { composer, edits, saved } = setUp();
  composer.text = "draft";
  composer.replyTo = message(2);
  composer.editLast();
  expect([composer.text, composer.replyTo, composer.editing?.content]).toEqual(["m1", null, "m1"]);
  composer.text = "better";
  await vi.advanceTimersByTimeAsync(500);
  expect(saved).toEqual([[CHANNEL, { text: "draft", replyTo: message(2) }]]);
  await composer.submit();
  expect(edits).toEqual(["better"]);
  expect([composer.text, composer.replyTo?.content, composer.editing]).toEqual(["draft", "m2", null]);
});

test("cancelling an edit brings the draft back; cancelling a reply keeps the text", () => {
  const { composer } = setUp();
  composer.text = "draft";
  composer.startEditing(message(1));
  composer.startEditing(message(2));
  composer.cancel();
  expect([composer.text, composer.editing]).toEqual(["draft", null]);
  composer.replyTo = message(1);
  composer.cancel();
  expect([composer.text, composer.replyTo]).toEqual(["draft", null]);
});

test("a refused edit stays open", async () => {
  const { composer, timeline } = setUp();
  timeline.edit.mockRejectedValueOnce(failure("forbidden"));
  composer.startEditing(message(1));
  composer.text = "better";
  await expect(composer.submit()).rejects.toThrow("forbidden");
  expect([composer.text, composer.editing?.content]).toEqual(["better", "m1"]);
});

test("typing is said at most every eight seconds, and not while editing", async () => {
  const { composer, client } = setUp();
  const said = () => client.requests.filter(({ event }) => event === "typing:start").length;
  composer.typed();
  expect(said()).toBe(0);
  composer.text = "h";
  composer.typed();
  composer.typed();
  expect(said()).toBe(1);
  vi.advanceTimersByTime(8000);
  composer.typed();
  expect(said()).toBe(2);
  vi.advanceTimersByTime(8000);
  composer.startEditing(message(1));
  composer.typed();
  expect(said()).toBe(2);
});

test("slow mode counts down from the own last message and holds the next one back", async () => {
  const { composer, client } = setUp({ slowModeSeconds: 3 });
  composer.text = "one";
  await composer.submit();
  client.push("sent", client.outbox.entries()[0]!, message(1));
  client.setEntries([]);
  expect(composer.slowModeSeconds).toBe(3);
  composer.text = "two";
  await composer.submit();
  expect([composer.text, client.outbox.entries()]).toEqual(["two", []]);
  vi.advanceTimersByTime(1000);
  expect(composer.slowModeSeconds).toBe(2);
  vi.advanceTimersByTime(2000);
  expect(composer.slowModeSeconds).toBe(0);
  await composer.submit();
  expect(client.outbox.entries()).toHaveLength(1);
});

test("slow mode is also known from a refusal, and does not hold moderators back", async () => {
  for (const manages of [false, true]) {
    const { composer, client } = setUp({ slowModeSeconds: 60, manages });
    const entry = client.outbox.add({ channelId: CHANNEL, content: "one" });
    const failed = { code: "rate_limited" as const, message: "" };
    client.setEntries([{ ...entry, failure: failed, notBefore: Date.now() + 20_000 }]);
    expect(composer.slowModeSeconds).toBe(manages ? 0 : 20);
  }
});
