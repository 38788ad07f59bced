// @vitest-environment node
import { expect, test, vi } from "vitest";
import type { Channel, Id, Member, Message, ReadState, Ready } from "./contract";
import { createOpening, hasUnread, pageRequest, readFrom } from "./opening";

const CHANNEL = "700";
const answer = { messages: [] as Message[], hasMore: false };
const me = { joinedAt: "2026-01-01T00:00:00.000Z" } as Member;
const JOINED: Id = String(1767225600000n << 21n);

type Known = Pick<Ready, "groups" | "directChannels" | "readStates">;

function known(lastMessageId?: Id, readStates: ReadState[] = [], channel: Partial<Channel> = {}): Known {
  const of = { id: CHANNEL, groupId: "5", type: "text", lastMessageId, ...channel } as Channel;
  if (of.type === "direct") return { groups: [], directChannels: [of], readStates };
  const groups = [{ id: "5", me, channels: [{ id: "6" } as Channel, of] }] as Ready["groups"];
  return { groups, directChannels: [], readStates };
}

function setup(ready = known("1")) {
  const request = vi.fn(async () => answer);
  const opening = createOpening({ request: request as never });
  opening.begin(CHANNEL);
  opening.ready(ready);
  return {
    opening,
    request,
    ask: (place = {}) => opening.request("message:list", pageRequest(CHANNEL, place)),
  };
}

const read = (lastReadId: Id | null): ReadState => ({ channelId: CHANNEL, lastReadId, mentionCount: 0 });
const newer = (BigInt(JOINED) + 1n).toString();

test.each<[string, Known, object]>([
  ["nothing new", known("9", [read("9")]), {}],
  ["empty", known(undefined, [read("9")]), {}],
  ["something new", known("10", [read("9")]), { around: "9" }],
  ["nothing read since joining", known(newer, [read(null)]), { around: JOINED }],
  ["all of it from before joining", known("9"), {}],
  ["a direct channel of which nothing was read", known("9", [], { type: "direct" }), { around: "0" }],
])("asks for the page with which the channel opens: %s", async (_, ready, place) => {
  const { request, ask } = setup(ready);
  expect(request.mock.calls).toEqual([["message:list", { channelId: CHANNEL, ...place, limit: 50 }]]);
  expect(await ask(place)).toBe(answer);
  expect(request).toHaveBeenCalledTimes(1);
});

test("asks for nothing where `ready` does not tell, or nobody waits", () => {
  const partial = [{ id: "5", me, partial: true }] as Ready["groups"];
  expect(setup({ ...known("1"), groups: partial }).request).not.toHaveBeenCalled();
  const { opening, request } = setup({ ...known("1"), groups: [] });
  opening.end();
  opening.ready(known("1"));
  expect(request).not.toHaveBeenCalled();
});

test("answers once, and only what was asked for", async () => {
  const { request, ask } = setup();
  await ask({ before: "5" });
  expect(request).toHaveBeenCalledTimes(2);
  await ask();
  expect(request).toHaveBeenCalledTimes(2);
  await ask();
  expect(request).toHaveBeenCalledTimes(3);
});

test.each<[string, unknown, number]>([
  ["message:created", { channelId: CHANNEL }, 2],
  ["reaction:added", { channelId: CHANNEL }, 2],
  ["user:updated", { id: "1" }, 2],
  ["message:created", { channelId: "6" }, 1],
  ["presence:changed", [], 1],
])("the page is asked for again where it may lack what was pushed: %s", async (event, payload, times) => {
  const { opening, request, ask } = setup();
  opening.pushed(event, payload);
  await ask();
  expect(request).toHaveBeenCalledTimes(times);
});

test("nothing is left of a lost connection, or when all has begun", async () => {
  for (const end of ["lost", "end"] as const) {
    const { opening, request, ask } = setup();
    opening[end]();
    await ask();
    expect(request).toHaveBeenCalledTimes(2);
  }
});

test("a page that nobody takes fails unnoticed", async () => {
  const request = vi.fn(() => Promise.reject(new Error("offline")));
  const opening = createOpening({ request: request as never });
  opening.begin(CHANNEL);
  opening.ready(known("1"));
  await Promise.resolve();
  expect(request).toHaveBeenCalled();
});

test("reading counts from joining where nothing was read yet", () => {
  expect(readFrom(undefined, undefined, me)).toBe(JOINED);
  expect(readFrom(undefined, read("0"), me)).toBe("0");
  expect(readFrom(undefined, undefined, undefined)).toBeNull();
  expect(hasUnread(null, "9")).toBe(false);
});
