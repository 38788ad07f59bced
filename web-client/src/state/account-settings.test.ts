import { beforeEach, expect, test, vi } from "vitest";
import { ApiFailure, offline } from "../protocol/failure";
import { AppState } from "./app.svelte";
import { FakeClient, keepsSettings } from "./testing/fake-client";
import { joined, ME, ready } from "./testing/make";

const READY = ready({ groups: [joined("1", ["10"])] });

beforeEach(() => localStorage.clear());

async function start(client: FakeClient, online = true): Promise<AppState> {
  const app = new AppState(client);
  await app.start();
  if (online) client.online(READY);
  await settled();
  return app;
}

const settled = () => new Promise((done) => setTimeout(done, 20));
const updates = (client: FakeClient) =>
  client.requests.filter(({ event }) => event === "settings:update").map(({ payload }) => payload);

test("what the account keeps holds on another device, and is followed", async () => {
  const client = new FakeClient(ME);
  keepsSettings(client, { "web.theme": "dark", "web.level.10": "none", "other.client": 1 });
  const app = await start(client);
  expect(app.settings.theme).toBe("dark");
  expect(app.notifications.level("10")).toBe("none");
  expect(updates(client)).toEqual([]);
  client.push("settings:updated", { settings: { "web.theme": "light" } });
  await settled();
  expect(app.settings.theme).toBe("light");
  expect(app.notifications.level("10")).toBe("all");
});

test("what an earlier version kept in the browser moves to the account once", async () => {
  localStorage.setItem(
    "vibetalk.settings",
    JSON.stringify({ theme: "dark", language: "ar", density: "compact" }),
  );
  localStorage.setItem("vibetalk.me.levels", JSON.stringify({ 10: "mentions" }));
  const client = new FakeClient(ME);
  const kept = keepsSettings(client, { "web.density": "cozy" });
  const app = await start(client);
  expect(kept).toEqual({
    "web.theme": "dark",
    "web.language": "ar",
    "web.density": "cozy",
    "web.level.10": "mentions",
  });
  expect(app.settings.density).toBe("cozy");
  const before = updates(client).length;
  client.online(READY);
  await settled();
  expect(updates(client)).toHaveLength(before);
});

test("changes without a connection hold, survive a reload and are sent later", async () => {
  const client = new FakeClient(ME);
  const kept = keepsSettings(client);
  const app = await start(client);
  const answer = client.answers["settings:update"];
  client.answers["settings:update"] = () => {
    throw offline();
  };
  app.settings.theme = "dark";
  app.notifications.setLevel("10", "none");
  await settled();
  expect(kept).toEqual({});

  const later = new FakeClient(ME);
  later.answers = { ...client.answers, "settings:update": answer };
  const again = await start(later, false);
  expect([again.settings.theme, again.notifications.level("10")]).toEqual(["dark", "none"]);
  later.online(READY);
  await settled();
  expect(kept).toEqual({ "web.theme": "dark", "web.level.10": "none" });
});

/** As the server does: an update after which there would be more than `bytesMax` changes nothing. */
function isFull(client: FakeClient, kept: Record<string, unknown>, bytesMax: number): void {
  const update = client.answers["settings:update"]!;
  client.answers["settings:update"] = (payload) => {
    const merged = Object.entries({ ...kept, ...payload.settings }).filter(([, value]) => value !== null);
    if (JSON.stringify(Object.fromEntries(merged)).length > bytesMax)
      throw new ApiFailure({ code: "too_large", message: "full" });
    return update(payload);
  };
}

const noticed = (app: AppState) => app.notices.current.map(({ kind }) => kind);

test("what the account cannot take is taken back, and said", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const client = new FakeClient(ME);
  isFull(client, keepsSettings(client), 2);
  const app = await start(client);
  app.notifications.setLevel("10", "none");
  await settled();
  expect(app.notifications.level("10")).toBe("all");
  expect(noticed(app)).toEqual(["settingRefused"]);
});

test("only what does not fit is taken back, of all that was sent together", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const client = new FakeClient(ME);
  const kept = keepsSettings(client);
  isFull(client, kept, 45);
  const app = await start(client, false);
  app.settings.theme = "contrast";
  app.settings.clock = "24";
  app.settings.density = "compact";
  client.online(READY);
  await settled();
  expect(kept).toEqual({ "web.theme": "contrast", "web.clock": "24" });
  expect([app.settings.theme, app.settings.density]).toEqual(["contrast", "cozy"]);
  expect(noticed(app)).toEqual(["settingRefused"]);
});

test("a full account makes room of what is kept for channels that are gone", async () => {
  const client = new FakeClient(ME);
  const kept = keepsSettings(client, { "web.level.10": "none", "web.level.98": "none", "other.level.97": 1 });
  isFull(client, kept, JSON.stringify(kept).length);
  const app = await start(client);
  app.settings.theme = "dark";
  await settled();
  expect(kept).toEqual({ "web.level.10": "none", "other.level.97": 1, "web.theme": "dark" });
  expect(noticed(app)).toEqual([]);
});

test("channels of a group that has not come yet are not gone", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const client = new FakeClient(ME);
  const kept = keepsSettings(client, { "web.level.98": "none" });
  isFull(client, kept, JSON.stringify(kept).length);
  const app = await start(client, false);
  const { channels: _, ...group } = joined("2", []);
  client.online(ready({ groups: [...READY.groups, { ...group, partial: true }] }));
  await settled();
  app.settings.theme = "dark";
  await settled();
  expect(kept).toEqual({ "web.level.98": "none" });
  expect(noticed(app)).toEqual(["settingRefused"]);
});

test("who changes much at once keeps it, as soon as the server takes more", async () => {
  const client = new FakeClient(ME);
  const kept = keepsSettings(client);
  const app = await start(client);
  const update = client.answers["settings:update"]!;
  let refusals = 0;
  client.answers["settings:update"] = (payload) => {
    if (refusals++ > 0) return update(payload);
    throw new ApiFailure({ code: "rate_limited", message: "slowly", retryAfterMs: 30 });
  };
  app.settings.theme = "dark";
  await settled();
  app.settings.clock = "24";
  expect([app.settings.theme, updates(client).length]).toEqual(["dark", 1]);
  await vi.waitFor(() => expect(kept).toEqual({ "web.theme": "dark", "web.clock": "24" }));
  expect(updates(client)).toHaveLength(2);
  expect(noticed(app)).toEqual([]);
});

test("another person in this browser does not inherit the theme of the one before", async () => {
  const client = new FakeClient(ME);
  keepsSettings(client, { "web.theme": "dark" });
  const app = await start(client);
  await app.account.signOut();
  expect(app.settings.theme).toBe("dark"); // The sign-in page stays as it was.
  client.user = { ...ME, id: "77" };
  const kept = keepsSettings(client, {});
  app.settings.language = "ar"; // Chosen on the sign-in page.
  await app.account.signIn({ username: "b", password: "b" });
  client.online({ ...READY, user: client.user });
  await settled();
  expect(app.settings.theme).toBe("system");
  expect(kept).toEqual({ "web.language": "ar" });
});
