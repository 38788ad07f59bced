import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Failure } from "../protocol/api";
import type { Ready } from "../protocol/contract";
import { AppState } from "./app.svelte";
import { FakeClient } from "./testing/fake-client";
import { BOB, channel, direct, joined, ME, member, message, ready, user } from "./testing/make";

let client: FakeClient;
let app: AppState;

const READY: Ready = ready({
  groups: [joined("1", ["10", "11"], { official: true, ownerId: null }), joined("2", ["20"])],
  directChannels: [direct("30", BOB)],
});

/** What waits for the next frame, for the debounce, and for answers. */
const settle = () => vi.advanceTimersByTimeAsync(1000);
const LOST = { state: "reconnecting", transport: null, latencyMs: null, since: 0 } as const;
const failure = (code: Failure["code"]) => Object.assign(new Error(code), { code });
const asked = (event: string) => client.requests.filter((request) => request.event === event);

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  indexedDB = new IDBFactory();
  history.replaceState(null, "", "/");
  client = new FakeClient(ME);
  app = new AppState(client);
  await app.start();
});

afterEach(() => vi.useRealTimers());

async function online(state = READY): Promise<void> {
  client.online(state);
  await settle();
}

describe("phases", () => {
  it("waits for `ready`, then opens a channel", async () => {
    expect(app.phase).toBe("loading");
    expect(client.connected).toBe(true);
    await online();
    expect(app.phase).toBe("ready");
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "10" });
    expect(app.navigation.groupId).toBe("1");
  });

  it("keeps a deep link, and an invite", async () => {
    app.navigation.go({ view: "channel", channelId: "20", messageId: "5" });
    await online();
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "20", messageId: "5" });
    app.navigation.go({ view: "invite", code: "abc" });
    await online();
    expect(location.pathname).toBe("/i/abc");
  });

  it("shows what was known last before the server answers", async () => {
    await online();
    client.push("message:created", message("50", "20"));
    window.dispatchEvent(new Event("pagehide"));
    await vi.advanceTimersByTimeAsync(10_000);
    const again = new AppState(new FakeClient(ME));
    await again.start();
    await settle();
    expect(again.phase).toBe("ready");
    expect(again.directory.groups.map(({ id }) => id)).toEqual(["1", "2"]);
  });

  it("forgets everything of the person at sign-out", async () => {
    await online();
    app.notifications.setLevel("10", "none");
    await app.account.signOut();
    expect(app.phase).toBe("signedOut");
    expect(app.account.signedOutBecause).toBe("byUser");
    expect(() => app.me).toThrow();
    expect(app.directory.groups).toEqual([]);
    expect(app.navigation.recent).toEqual([]);
    expect(location.pathname).toBe("/");
    expect(Object.keys(localStorage).filter((key) => key.startsWith("vibetalk.me."))).toEqual([]);
  });

  it("shows nothing of the person before to the next one", async () => {
    await online();
    app.notifications.setLevel("10", "none");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(localStorage.getItem("vibetalk.me.account-settings")).toContain("none");
    const next = new AppState(new FakeClient(user("7")));
    await next.start();
    await settle();
    expect(next.phase).toBe("loading");
    expect(next.navigation.recent).toEqual([]);
    expect(next.notifications.level("10")).toBe("all");
    expect(localStorage.getItem("vibetalk.me.account-settings") ?? "{}").not.toContain("none");
  });
});

describe("being removed", () => {
  it("moves the reader away and says so", async () => {
    await online();
    app.navigation.openChannel("20");
    client.push("group:deleted", { groupId: "2" });
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "10" });
    expect(app.notices.current).toMatchObject([{ kind: "groupGone", name: "group2" }]);
    app.notices.dismiss(app.notices.current[0]?.id ?? 0);
    expect(app.notices.current).toEqual([]);
  });

  it("is noticed by a reconnect too", async () => {
    await online();
    app.navigation.openChannel("20");
    await online({ ...READY, groups: READY.groups.slice(0, 1) });
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "10" });
    expect(app.notices.current).toHaveLength(1);
  });

  it("says nothing to who left, nor to who reads elsewhere", async () => {
    await online();
    app.navigation.openChannel("20");
    client.answers["group:leave"] = () => client.push("group:deleted", { groupId: "2" });
    await app.directory.leaveGroup("2");
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "10" });
    client.push("channel:deleted", { groupId: "1", channelId: "11" });
    expect(app.notices.current).toEqual([]);
  });

  it("announces the next loss after a refused leaving", async () => {
    await online();
    app.navigation.openChannel("20");
    client.answers["group:leave"] = () => Promise.reject(new Error("refused"));
    await expect(app.directory.leaveGroup("2")).rejects.toThrow("refused");
    client.push("group:deleted", { groupId: "2" });
    expect(app.notices.current).toHaveLength(1);
  });
});

describe("unread", () => {
  it("comes with a message of another and goes with its read state", async () => {
    await online();
    client.push("message:created", message("50", "20"));
    client.push("readState:updated", { channelId: "20", lastReadId: null, mentionCount: 1 });
    await settle();
    expect(app.unread.has("20")).toBe(true);
    expect(app.unread.groupHas("2")).toBe(true);
    expect(app.unread.groupMentions("2")).toBe(1);
    expect(app.unread.totalMentions).toBe(1);
    client.push("readState:updated", { channelId: "20", lastReadId: "50", mentionCount: 0 });
    await settle();
    expect(app.unread.has("20")).toBe(false);
    expect(app.unread.totalMentions).toBe(0);
  });

  it("counts nothing in a muted channel", async () => {
    await online();
    client.push("message:created", message("50", "20"));
    client.push("readState:updated", { channelId: "20", lastReadId: null, mentionCount: 2 });
    await settle();
    app.notifications.setLevel("20", "none");
    expect([app.unread.has("20"), app.unread.mentions("20"), app.unread.totalMentions]).toEqual([
      false,
      0,
      0,
    ]);
  });

  it("marks all channels read with one request each", async () => {
    await online();
    for (const channelId of ["10", "20"]) client.push("message:created", message("50", channelId));
    client.answers["channel:read"] = ({ channelId, messageId }) => ({
      channelId,
      lastReadId: messageId,
      mentionCount: 0,
    });
    await app.unread.markAllRead();
    await settle();
    expect(asked("channel:read").map(({ payload }) => payload)).toEqual([
      { channelId: "10", messageId: "50" },
      { channelId: "20", messageId: "50" },
    ]);
    expect(app.unread.has("10")).toBe(false);
  });

  it("tells the server after a reconnect what was read meanwhile", async () => {
    await online();
    client.push("message:created", message("50", "20"));
    client.answers["channel:read"] = () =>
      Promise.reject(Object.assign(new Error("offline"), { code: "offline" }));
    await app.unread.markRead("20");
    await settle();
    client.answers["channel:read"] = ({ channelId, messageId }) => ({
      channelId,
      lastReadId: messageId,
      mentionCount: 0,
    });
    await online({ ...READY, readStates: [{ channelId: "20", lastReadId: "40", mentionCount: 0 }] });
    expect(asked("channel:read")).toHaveLength(2);
    expect(app.unread.has("20")).toBe(false);
  });

  it("marks the channel read that the reader has sent to", async () => {
    await online();
    const entry = client.outbox.add({ channelId: "20", content: "hello" });
    client.push("message:created", message("60", "20", ME));
    client.push("sent", entry, message("60", "20", ME));
    await settle();
    expect(app.unread.has("20")).toBe(false);
    expect(asked("channel:read").map(({ payload }) => payload)).toEqual([
      { channelId: "20", messageId: "60" },
    ]);
  });
});

describe("groups that did not fit into `ready`", () => {
  const { channels: _, ...head } = joined("3", []);
  const partly: Ready = { ...READY, groups: [...READY.groups, { ...head, partial: true }] };

  async function opened(path: string): Promise<void> {
    history.replaceState(null, "", path);
    client = new FakeClient(ME);
    app = new AppState(client);
    await app.start();
    await online(partly);
  }

  it("are waited for by a link into them", async () => {
    await opened("/c/40");
    expect(app.navigation.route).toMatchObject({ view: "channel", channelId: "40" });
    expect(app.timelines.of("40").state).toBe("loading");
    expect(asked("message:list")).toEqual([]);
    const group = joined("3", ["40"]);
    client.push("group:created", group);
    client.push("groupCompleted", { ...group, readStates: [] });
    client.push("completed");
    await settle();
    expect(app.navigation.route).toMatchObject({ view: "channel", channelId: "40" });
    expect(app.navigation.groupId).toBe("3");
    expect(app.notices.current).toEqual([]);
  });

  it("have not what the link names", async () => {
    await opened("/c/99");
    client.push("completed");
    await settle();
    expect(app.navigation.route).toMatchObject({ channelId: "10" });
    expect(app.notices.current).toMatchObject([{ kind: "channelUnknown" }]);
  });
});

describe("directory", () => {
  it("names a direct channel after the others, as they are called now", async () => {
    await online();
    const [channel] = app.directory.directChannels;
    if (!channel) throw new Error("no direct channel");
    expect(app.directory.channelName(channel)).toBe("bob");
    client.push("user:updated", { ...BOB, displayName: "Robert" });
    expect(app.directory.channelName(channel)).toBe("Robert");
  });

  it("moves a direct channel up when a message comes", async () => {
    await online({ ...READY, directChannels: [direct("30", BOB), direct("31", user("4"))] });
    expect(app.directory.directChannels[0]?.id).toBe("31");
    client.push("message:created", message("50", "30"));
    await settle();
    expect(app.directory.directChannels[0]?.id).toBe("30");
  });

  it("counts who comes and goes, and not the reader, who is in the count", async () => {
    await online();
    client.push("group:created", joined("3", ["40"]));
    client.push("member:joined", member("3", ME));
    expect(app.directory.group("3")?.memberCount).toBe(2);
    client.push("member:joined", member("3", BOB));
    client.push("member:joined", member("3", user("4")));
    client.push("member:left", { groupId: "3", userId: BOB.id });
    expect(app.directory.group("3")?.memberCount).toBe(3);
  });

  it("follows the reader's own role and the permissions that come with it", async () => {
    await online();
    const bob = member("2", BOB, { roles: ["moderator"] });
    expect(app.directory.outranks(bob)).toBe(false);
    client.push("member:updated", member("2", ME, { roles: ["admin"] }));
    client.push("channel:updated", channel("20", { groupId: "2", permissions: "511" }));
    expect(app.directory.outranks(bob)).toBe(true);
    expect(app.directory.mayInGroup("2", "manageGroup")).toBe(true);
    expect(app.directory.may("20", "manageMessages")).toBe(true);
  });
});

describe("official group", () => {
  it("is below those who operate the server, and has no pushes for members", async () => {
    const operated = joined("1", ["10"], { official: true, ownerId: null });
    operated.channels = [channel("10", { groupId: "1", permissions: "511" })];
    await online({ ...READY, groups: [operated] });
    expect(app.directory.outranks(member("1", BOB, { roles: ["admin"] }))).toBe(true);

    client.answers["member:list"] = () => ({ members: [member("1", BOB)], hasMore: false });
    client.answers["member:update"] = () => member("1", BOB, { nickname: "Bobby" });
    const list = app.people.memberList("1");
    await settle();
    await app.directory.updateMember("1", BOB.id, { nickname: "Bobby" });
    expect(list.members[0]?.nickname).toBe("Bobby");
    expect(app.people.displayName(BOB.id, "1")).toBe("Bobby");
    await app.directory.banMember("1", BOB.id);
    expect(list.members).toEqual([]);
  });
});

describe("people", () => {
  it("watches who is shown, merged and bounded, again after a reconnect", async () => {
    await online();
    client.answers["presence:watch"] = ({ userIds }) => ({
      presences: userIds.map((userId) => ({ userId, status: "dnd", text: "" })),
    });
    const end = app.people.watch(["2", "3"]);
    app.people.watch(["3", "4", "5"]);
    await settle();
    expect(asked("presence:watch").map(({ payload }) => payload)).toEqual([{ userIds: ["3", "4", "5"] }]);
    expect(app.people.presence("3").status).toBe("dnd");
    end();
    await settle();
    expect(asked("presence:watch")).toHaveLength(1);
    await online();
    expect(asked("presence:watch")).toHaveLength(2);
  });

  it("claims nothing of somebody who is not watched any more", async () => {
    await online();
    client.answers["presence:watch"] = ({ userIds }) => ({
      presences: userIds.map((userId) => ({ userId, status: "idle", text: "tea" })),
    });
    expect(app.people.presence("2")).toEqual({ status: "unknown", text: "" });
    const end = app.people.watch(["2"]);
    app.people.watch(["3"]);
    await settle();
    expect(app.people.presence("2")).toMatchObject({ status: "idle", text: "tea" });
    end();
    await settle();
    expect(["2", "3"].map((id) => app.people.presence(id).status)).toEqual(["unknown", "idle"]);
  });

  it("prefers nicknames, and asks for somebody who was never seen", async () => {
    await online();
    client.answers["member:list"] = ({ groupId }) => ({
      members: [member(groupId, user("77", "zoe"), { nickname: "Z" })],
      hasMore: false,
    });
    expect(app.people.displayName("77", "2")).toBe("…");
    await settle();
    expect(app.people.displayName("77", "2")).toBe("Z");
    expect(app.people.displayName("77")).toBe("zoe");
    expect(asked("member:list").map(({ payload }) => payload)).toEqual([
      { groupId: "2", after: "76", limit: 1 },
    ]);
  });

  it("pages through members, and drops the answer to an older query", async () => {
    await online();
    const list = app.people.memberList("2");
    client.answers["member:list"] = ({ query, after }) => ({
      members: query ? [member("2", user("9", query))] : [member("2", user(after ? "5" : "2"))],
      hasMore: !query && !after,
    });
    await settle();
    await list.loadMore();
    expect(list.members.map(({ userId }) => userId)).toEqual(["2", "5"]);
    expect(list.hasMore).toBe(false);
    client.push("member:joined", member("2", user("3")));
    client.push("member:left", { groupId: "2", userId: "5" });
    expect(list.members.map(({ userId }) => userId)).toEqual(["2", "3"]);
    list.query = "zo";
    list.query = "zoe";
    await settle();
    expect(list.members.map(({ user }) => user.username)).toEqual(["zoe"]);
  });

  it("finds members among those it has until the server answers, and goes back to all of them", async () => {
    await online();
    const people = ["Émile Zorn", "Bea"].map((name, index) => member("2", user(String(index + 2), name)));
    client.answers["member:list"] = () => ({ members: people, hasMore: false });
    const list = app.people.memberList("2");
    await settle();
    const names = () => list.members.map(({ user }) => user.displayName);
    list.query = "zorn";
    expect(names()).toEqual(["Émile Zorn"]);
    expect(list.state).toBe("loading");
    client.answers["member:list"] = () => ({ members: people.slice(0, 1), hasMore: false });
    await settle();
    expect(list.state).toBe("ready");
    client.push("connection", LOST);
    client.answers["member:list"] = () => Promise.reject(failure("offline"));
    list.query = "";
    expect(names()).toEqual(["Émile Zorn", "Bea"]);
  });

  it("loads all pages again that are shown, so that a reconnect moves nobody who has scrolled down", async () => {
    await online();
    client.answers["member:list"] = ({ after }) => ({
      members: [member("2", user(after ? String(Number(after) + 1) : "2"))],
      hasMore: true,
    });
    const list = app.people.memberList("2");
    await settle();
    await list.loadMore();
    await list.loadMore();
    await online();
    expect(list.members.map(({ userId }) => userId)).toEqual(["2", "3", "4"]);
    expect(list.state).toBe("ready");
  });

  it("says why members are not loaded, and loads them when that has passed", async () => {
    await online();
    client.answers["member:list"] = () => Promise.reject(failure("offline"));
    const list = app.people.memberList("2");
    expect(list.state).toBe("loading");
    await settle();
    expect(list.state).toBe("waiting");
    await list.loadMore();
    expect(asked("member:list")).toHaveLength(1);
    client.answers["member:list"] = () => Promise.reject(failure("timeout"));
    await online();
    expect(list.state).toBe("failed");
    client.answers["member:list"] = () => ({ members: [member("2", BOB)], hasMore: false });
    await list.loadMore();
    expect(list.state).toBe("ready");
    expect(list.members).toHaveLength(1);
  });

  it("shows the members of a group again at once", async () => {
    await online();
    client.answers["member:list"] = () => ({ members: [member("2", BOB)], hasMore: false });
    app.people.memberList("2");
    await settle();
    expect(app.people.memberList("2").members.map(({ userId }) => userId)).toEqual([BOB.id]);
  });

  it("tells the chosen status at every connect, and idles after ten minutes", async () => {
    await online();
    await app.people.setMyStatus("dnd", "busy");
    await online();
    expect(asked("presence:update").at(-1)?.payload).toEqual({ status: "dnd", text: "busy" });
    await app.people.setMyStatus("online", "");
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    expect(asked("presence:update").at(-1)?.payload).toMatchObject({ status: "idle" });
    window.dispatchEvent(new Event("keydown"));
    expect(asked("presence:update").at(-1)?.payload).toMatchObject({ status: "online" });
  });
});

describe("connection", () => {
  beforeEach(() => {
    client.answers["presence:watch"] = ({ userIds }) => ({
      presences: userIds.map((userId) => ({ userId, status: "online", text: "" })),
    });
    app.people.watch([BOB.id, ME.id]);
  });

  const seen = () => [BOB.id, ME.id].map((id) => app.people.presence(id).status);

  it("says nothing of anybody's presence before `ready`", async () => {
    expect([app.connection.live, ...seen()]).toEqual([false, "unknown", "disconnected"]);
    await online();
    expect([app.connection.live, ...seen()]).toEqual([true, "online", "online"]);
    window.dispatchEvent(new Event("pagehide"));
    await vi.advanceTimersByTimeAsync(10_000);
    const cold = new AppState(new FakeClient(ME));
    await cold.start();
    await settle();
    expect(cold.phase).toBe("ready");
    expect([BOB.id, ME.id].map((id) => cold.people.presence(id).status)).toEqual(["unknown", "disconnected"]);
  });

  it("knows of nobody's presence once it is lost for two seconds, and asks again", async () => {
    await online();
    client.answers["member:list"] = () => ({ members: [member("2", BOB)], hasMore: false });
    const list = app.people.memberList("2");
    await settle();
    client.push("connection", LOST);
    client.push("presence:changed", [{ userId: BOB.id, status: "dnd", text: "" }]);
    await vi.advanceTimersByTimeAsync(1900);
    expect([...seen(), list.state]).toEqual(["dnd", "online", "ready"]);
    await vi.advanceTimersByTimeAsync(200);
    expect([...seen(), list.state]).toEqual(["unknown", "disconnected", "waiting"]);
    expect(list.members).toHaveLength(1);
    client.online(READY);
    await vi.advanceTimersByTimeAsync(0);
    expect([...seen(), list.state]).toEqual(["online", "online", "ready"]);
  });

  it("keeps what is known through a blip", async () => {
    await online();
    const before = asked("presence:watch").length;
    client.push("connection", LOST);
    await vi.advanceTimersByTimeAsync(1900);
    client.online(READY);
    expect(seen()).toEqual(["online", "online"]);
    await settle();
    expect(asked("presence:watch")).toHaveLength(before + 1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(seen()).toEqual(["online", "online"]);
  });

  it("ends what others were typing at once", async () => {
    await online();
    client.push("typing:started", { channelId: "20", userId: BOB.id });
    expect(app.typing.in("20")).toEqual([BOB.id]);
    client.push("connection", { ...LOST, state: "draining" });
    expect(app.typing.in("20")).toEqual([BOB.id]);
    client.push("connection", LOST);
    expect(app.typing.in("20")).toEqual([]);
  });

  it("is troubled by a server that does not answer at the start, either", async () => {
    const unanswered = new FakeClient(ME);
    unanswered.connection = { ...LOST, state: "connecting" };
    const { connection } = new AppState(unanswered);
    await vi.advanceTimersByTimeAsync(1900);
    expect(connection.troubled).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect([connection.troubled, connection.live]).toEqual([true, false]);
  });

  it("is troubled only by a loss of two seconds", async () => {
    await online();
    client.push("connection", LOST);
    await vi.advanceTimersByTimeAsync(1900);
    expect(app.connection.troubled).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(app.connection.troubled).toBe(true);
    client.online(READY);
    expect(app.connection.troubled).toBe(false);
  });
});

it("shows who types, until a message or ten seconds later", async () => {
  await online();
  client.push("typing:started", { channelId: "20", userId: BOB.id });
  client.push("typing:started", { channelId: "20", userId: ME.id });
  client.push("typing:started", { channelId: "20", userId: "5" });
  expect(app.typing.in("20")).toEqual([BOB.id, "5"]);
  client.push("message:created", message("50", "20"));
  expect(app.typing.in("20")).toEqual(["5"]);
  await vi.advanceTimersByTimeAsync(10_001);
  expect(app.typing.in("20")).toEqual([]);
});

it("goes back to the channel of a group that was open last", async () => {
  await online();
  app.navigation.openChannel("11");
  app.navigation.openGroup("2");
  app.navigation.openGroup("1");
  expect(app.navigation.route).toMatchObject({ channelId: "11" });
  app.navigation.openGroup(null);
  expect(app.navigation.route).toMatchObject({ channelId: "30" });
  expect(app.navigation.recent).toEqual(["30", "11", "20", "10"]);
  client.push("message:created", message("50", "20"));
  await settle();
  app.navigation.step(1, true);
  expect(app.navigation.route).toMatchObject({ channelId: "20" });
});
