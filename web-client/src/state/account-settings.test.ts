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

test("what the account cannot take does not seem to be kept", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const client = new FakeClient(ME);
  keepsSettings(client);
  const app = await start(client);
  client.answers["settings:update"] = () => {
    throw new ApiFailure({ code: "too_large", message: "full" });
  };
  app.notifications.setLevel("10", "none");
  await settled();
  expect(app.notifications.level("10")).toBe("all");
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
