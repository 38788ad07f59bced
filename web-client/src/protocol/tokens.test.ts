// @vitest-environment node
import { expect, test, vi } from "vitest";
import type { Tokens } from "./contract";
import { ApiFailure, offline } from "./failure";
import type { Http } from "./http";
import { createExclusive } from "./locks";
import type { EndReason } from "./session";
import type { TabStorage } from "./storage";
import { createTokens } from "./tokens";

const MINUTE = 60_000;
const LIFETIME = 15 * MINUTE;

/** Rotates; a refresh token that comes after its successor ends the session. */
class FakeServer {
  refreshes = 0;
  ended = false;
  unreachable = false;
  now = 1_800_000_000_000;
  /** Called when a request has come, before it is answered. */
  asked: () => Promise<void> | void = () => {};
  #valid = "refresh-0";
  #before = "";

  tokens(userId = "1"): Tokens {
    return {
      accessToken: `access-${this.refreshes}`,
      accessTokenExpiresAt: new Date(this.now + LIFETIME).toISOString(),
      refreshToken: this.#valid,
      user: { id: userId, username: "ada", displayName: "Ada", avatar: null },
    };
  }

  http: Http = async <T>({ body }: { body?: unknown }) => {
    await new Promise<void>((done) => setImmediate(done));
    if (this.unreachable) throw offline();
    const { refreshToken } = body as { refreshToken: string };
    if (refreshToken !== this.#valid && refreshToken !== this.#before) this.ended = true;
    if (this.ended) throw new ApiFailure({ code: "unauthorized", message: "used twice" });
    if (refreshToken === this.#valid)
      [this.#before, this.#valid] = [refreshToken, `refresh-${++this.refreshes}`];
    const answer = { data: this.tokens() as T, serverTime: this.now };
    await this.asked();
    return answer;
  };
}

const UNAUTHORIZED = { code: "unauthorized", message: "used twice" } as const;

class Browser {
  readonly #values: Map<string, string>;
  readonly #watchers: Map<object, () => void>;
  readonly exclusive = createExclusive("");

  /** With the storage of `same`, but locks of its own. */
  constructor(same?: Browser) {
    this.#values = same ? same.#values : new Map();
    this.#watchers = same ? same.#watchers : new Map();
  }

  tab(server: FakeServer, clockAhead = 0) {
    const me = {};
    const tellOthers = () => this.#watchers.forEach((changed, tab) => tab !== me && changed());
    const storage: TabStorage = {
      shared: false, // Without the pause for other processes.
      get: (key) => this.#values.get(key) ?? null,
      set: (key, value) => {
        this.#values.set(key, value);
        tellOthers();
      },
      remove: (key) => void this.#values.delete(key),
      watch: (_key, changed) => void this.#watchers.set(me, changed),
    };
    const ended: EndReason[] = [];
    const tokens = createTokens({
      storage,
      http: server.http,
      exclusive: this.exclusive,
      now: () => server.now + clockAhead,
      ended: (reason) => ended.push(reason),
    });
    return { tokens, ended };
  }
}

function signedIn(clockAhead = 0) {
  const server = new FakeServer();
  const browser = new Browser();
  const first = browser.tab(server, clockAhead);
  first.tokens.adopt(server.tokens(), server.now);
  return { server, browser, first, second: browser.tab(server, clockAhead) };
}

test("a token is used until a minute before it expires", async () => {
  const { server, first } = signedIn();
  server.now += LIFETIME - MINUTE - 1;
  expect(await first.tokens.accessToken()).toBe("access-0");
  server.now += 1;
  expect(await first.tokens.accessToken()).toBe("access-1");
});

test("many calls in two tabs refresh once", async () => {
  const { server, first, second } = signedIn();
  server.now += LIFETIME;
  const calls = [first, second, first, second].map(({ tokens }) => tokens.accessToken());
  expect(await Promise.all(calls)).toEqual(Array(4).fill("access-1"));
  expect(server.refreshes).toBe(1);
  expect([first.ended, second.ended]).toEqual([[], []]);
});

test("a refused token is replaced once for all tabs", async () => {
  const { server, first, second } = signedIn();
  const replaced = await Promise.all([first, second].map(({ tokens }) => tokens.replace("access-0")));
  expect(replaced).toEqual(["access-1", "access-1"]);
  expect(server.refreshes).toBe(1);
});

test("a refresh that the server refuses ends the session in all tabs", async () => {
  const { server, first, second } = signedIn();
  server.ended = true;
  await expect(first.tokens.replace("access-0")).rejects.toMatchObject({ code: "unauthorized" });
  expect([first.ended, second.ended]).toEqual([["ended"], ["ended"]]);
  expect([first.tokens.session(), second.tokens.session()]).toEqual([null, null]);
  await expect(second.tokens.accessToken()).rejects.toMatchObject({ code: "unauthorized" });
});

test("a page that is left during a refresh finds its session in the next one", async () => {
  const { server, browser, first } = signedIn();
  server.asked = () => new Promise(() => {}); // The page is gone before the answer.
  void first.tokens.replace("access-0");
  await new Promise<void>((done) => setTimeout(done));
  server.asked = () => {};
  const { tokens, ended } = new Browser(browser).tab(server);
  expect(await tokens.replace("access-0")).toBe("access-1");
  expect(await tokens.replace("access-1")).toBe("access-2");
  expect(ended).toEqual([]);
});

test("an answer that a sleeping tab takes late does not put old tokens back", async () => {
  const { server, browser, first, second } = signedIn();
  let wake = () => {};
  server.asked = () => new Promise((done) => (wake = done));
  const late = first.tokens.replace("access-0");
  await vi.waitFor(() => expect(server.refreshes).toBe(1));
  server.asked = () => {};
  const other = new Browser(browser).tab(server); // Does not wait for the lock of the sleeper.
  await other.tokens.replace("access-0");
  await other.tokens.replace("access-1");
  wake();
  expect(await late).toBe("access-2");
  expect(await second.tokens.replace("access-2")).toBe("access-3");
  expect([first.ended, second.ended, other.ended]).toEqual([[], [], []]);
});

test("a refusal that comes late does not end the session which another tab has", async () => {
  const { server, browser, first } = signedIn();
  let wake = () => {};
  server.asked = () => new Promise((_done, fail) => (wake = () => fail(new ApiFailure(UNAUTHORIZED))));
  const late = first.tokens.replace("access-0");
  await vi.waitFor(() => expect(server.refreshes).toBe(1));
  server.asked = () => {};
  await new Browser(browser).tab(server).tokens.replace("access-0");
  wake();
  expect(await late).toBe("access-1");
  expect(first.ended).toEqual([]);
});

test("a refresh that ends after another tab has signed out signs nobody in", async () => {
  const { server, first, second } = signedIn();
  server.asked = () => second.tokens.forget("byUser");
  await expect(first.tokens.replace("access-0")).rejects.toMatchObject({ code: "unauthorized" });
  expect([first.tokens.session(), second.tokens.session()]).toEqual([null, null]);
});

test("without network the session stays, and the token serves its last minute", async () => {
  const { server, first } = signedIn();
  server.unreachable = true;
  server.now += LIFETIME - 1;
  expect(await first.tokens.accessToken()).toBe("access-0");
  server.now += 1;
  await expect(first.tokens.accessToken()).rejects.toMatchObject({ code: "offline" });
  expect(first.ended).toEqual([]);
  server.unreachable = false;
  expect(await first.tokens.accessToken()).toBe("access-1");
});

test.each([-3, 3])("a clock that is %i hours off does not refresh all the time", async (hours) => {
  const { server, first } = signedIn(hours * 60 * MINUTE);
  expect(await first.tokens.accessToken()).toBe("access-0");
  server.now += LIFETIME;
  expect(await first.tokens.accessToken()).toBe("access-1");
  expect(await first.tokens.accessToken()).toBe("access-1");
});

test("another tab signs out, or somebody else signs in there", () => {
  const { first, second, browser, server } = signedIn();
  first.tokens.forget("byUser");
  expect([first.ended, second.ended]).toEqual([["byUser"], ["byUser"]]);

  first.tokens.adopt(server.tokens("1"), server.now);
  const third = browser.tab(server);
  first.tokens.adopt(server.tokens("2"), server.now);
  expect(third.ended).toEqual(["byUser"]);
  expect(third.tokens.session()).toBeNull();
});

test("a session that cannot be read is none", () => {
  const storage = { shared: false, get: () => "{broken", set: vi.fn(), remove: vi.fn(), watch: vi.fn() };
  const { http } = new FakeServer();
  const tokens = createTokens({ storage, http, exclusive: createExclusive(""), ended: vi.fn() });
  expect(tokens.session()).toBeNull();
});
