import { beforeEach, expect, test } from "vitest";
import { AppState } from "./app.svelte";
import { FakeClient, keepsSettings } from "./testing/fake-client";
import { joined, ME, member, ready } from "./testing/make";

const DAY_MS = 86_400_000;
const NOW = "2026-01-01T00:00:00.000Z";
const INVITE = { code: "abc", groupId: "2", creatorId: "1", uses: 0, maxUses: null, expiresAt: null };

const settled = () => new Promise((done) => setTimeout(done, 20));

beforeEach(() => localStorage.clear());

/** The reader's account is so old. */
function found(ageMs: number) {
  const joinedAt = new Date(Date.parse(NOW) - ageMs).toISOString();
  const official = {
    ...joined("1", ["10"], { official: true, ownerId: null }),
    me: member("1", ME, { joinedAt }),
  };
  return ready({ serverTime: NOW, groups: [official, joined("2", ["20"])] });
}

async function start(client: FakeClient, ageMs = 0): Promise<AppState> {
  const app = new AppState(client);
  await app.start();
  client.online(found(ageMs));
  await settled();
  return app;
}

function device(kept: Record<string, unknown> = {}): FakeClient {
  const client = new FakeClient(ME);
  keepsSettings(client, kept);
  return client;
}

test("it is for accounts of less than a week", async () => {
  expect((await start(device())).firstRun.open).toBe(true);
  expect((await start(device(), 6 * DAY_MS)).firstRun.open).toBe(true);
  expect((await start(device(), 7 * DAY_MS)).firstRun.open).toBe(false);
});

test("whose account is of no known age is not new", async () => {
  const client = device();
  const app = new AppState(client);
  await app.start();
  client.online(ready({ groups: [joined("2", ["20"])] }));
  await settled();
  expect(app.firstRun.open).toBe(false);
});

test("dismissed once, it does not come back on any device", async () => {
  const kept = {};
  const app = await start(device(kept));
  app.firstRun.dismiss();
  expect(app.firstRun.open).toBe(false);
  await settled();
  localStorage.clear();
  expect((await start(device(kept))).firstRun.open).toBe(false);
});

test("it waits for the server's word, also where it was open before", async () => {
  await start(device());
  const client = device();
  let answer = (): void => {};
  client.answers["settings:get"] = async () => {
    await new Promise<void>((done) => (answer = done));
    return { settings: { "web.firstRun": { dismissed: true } } };
  };
  const app = await start(client);
  expect(app.firstRun.open).toBe(false);
  answer();
  await settled();
  expect(app.firstRun.open).toBe(false);
});

test("a server that keeps no settings shows none of it", async () => {
  const client = new FakeClient(ME);
  client.answers["settings:get"] = () =>
    Promise.reject(Object.assign(new Error(), { code: "unknown_event" }));
  expect((await start(client)).firstRun.open).toBe(false);
});

test("an invite that was made is remembered, but only for who is new", async () => {
  for (const [ageMs, kept] of [
    [0, { "web.firstRun": { invited: true } }],
    [30 * DAY_MS, {}],
  ] as const) {
    const account = {};
    const client = device(account);
    client.answers["invite:create"] = () => INVITE;
    const app = await start(client, ageMs);
    await app.directory.createInvite("2", {});
    await settled();
    expect(account).toEqual(kept);
    expect(app.firstRun.hasInvited).toBe(ageMs === 0);
  }
});

test("what cannot be read counts as nothing", async () => {
  for (const value of ["yes", null, 3]) {
    expect((await start(device({ "web.firstRun": value }))).firstRun.open).toBe(true);
  }
});

test("who signs in next is another person", async () => {
  const client = device();
  const app = await start(client);
  await app.account.signOut();
  expect(app.firstRun.open).toBe(false);
});
