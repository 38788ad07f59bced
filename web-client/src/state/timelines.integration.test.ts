// @vitest-environment node
/** Timelines over the real client against the real server: `VIBETALK_BIN` names the binary, `make test` sets it. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createClient } from "../protocol/client";
import type { Client } from "../protocol/api";
import type { Channel, Id, Message, Ready } from "../protocol/contract";
import { BINARY, startServer, type TestServer } from "../protocol/testing/server";
import { Cache } from "./cache";
import { messageRows } from "./testing/timelines";
import { UnreadState } from "./unread.svelte";
import { Timelines } from "./timelines";

const WAIT_MS = 30_000;
const people: Person[] = [];

// A browser's clock of frames, where there is no browser.
vi.stubGlobal("requestAnimationFrame", (run: () => void) => setTimeout(run, 16));
vi.stubGlobal("cancelAnimationFrame", (frame: number) => clearTimeout(frame));

interface Person {
  client: Client;
  timelines: Timelines;
  channelId: Id;
  meId: Id;
  reads: UnreadState;
}

async function join(url: string): Promise<Person> {
  const client = createClient({ url });
  const user = await client.account.register({
    username: `person-${people.length}`,
    password: "correct horse battery",
  });
  const reads = new UnreadState({
    client,
    meId: () => user.id,
    channel: (id) => ({ id }) as Channel,
    channelsOf: () => [],
    membership: () => undefined,
    muted: () => false,
  });
  const timelines = new Timelines({
    client,
    cache: new Cache(),
    meId: () => user.id,
    directory: { channel: (id) => ({ id }) as Channel, may: () => true },
    reads,
    remember: () => {},
    focused: () => true,
    nextFrame: (callback) => void setTimeout(callback, 16),
    onHidden: () => () => {},
  });
  client.setCursors(() => timelines.cursors());
  client.on("ready", (ready) => reads.applyReady(ready));
  const ready = await online(client);
  const person = { client, timelines, channelId: ready.groups[0]!.channels![0]!.id, meId: user.id, reads };
  people.push(person);
  return person;
}

async function online(client: Client): Promise<Ready> {
  const ready = new Promise<Ready>((resolve) => client.on("ready", resolve));
  client.connect();
  return ready;
}

const shownTo = ({ timelines, channelId }: Person) =>
  messageRows(timelines.of(channelId).rows).map(({ message }) => view(message));

/** The newest page as the server gives it to this person. */
async function storedFor({ client, channelId }: Person) {
  const { messages } = await client.request("message:list", { channelId, limit: 100 });
  return messages.reverse().map(view);
}

/** What must be the same, however the message came. */
const view = ({ id, content, editedAt, pinned, reactions, replyTo }: Message) => ({
  id,
  content,
  editedAt: editedAt ?? null,
  pinned,
  reactions,
  replyTo: replyTo === undefined ? "none" : (replyTo?.content ?? null),
});

describe.skipIf(!BINARY)("against the server", { timeout: WAIT_MS }, () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  }, WAIT_MS);
  afterEach(() => {
    for (const { client, timelines } of people) {
      client.disconnect();
      timelines.dispose();
    }
  });
  afterAll(() => server.remove());

  test("pushes, and what was missed meanwhile, lead to what the server has", async () => {
    const ada = await join(server.url);
    const bob = await join(server.url);
    const { channelId } = ada;
    const say = (content: string, replyToId: Id | null = null) =>
      bob.client.request("message:create", { channelId, content, replyToId });
    const timeline = ada.timelines.of(channelId);
    await expect.poll(() => timeline.state).toBe("ready");

    const change = async (label: string) => {
      const said: Message[] = [];
      for (let number = 0; number < 12; number += 1) said.push(await say(`${label} ${number}`));
      const at = (index: number) => ({ channelId, messageId: said[index]!.id });
      await say(`${label} answer`, said[1]!.id);
      await say(`${label} answer to nothing`, said[2]!.id);
      await bob.client.request("message:update", { ...at(1), content: `${label} edited` });
      await bob.client.request("message:delete", at(2));
      await bob.client.request("reaction:add", { ...at(3), emoji: "👍" });
      await bob.client.request("reaction:add", { ...at(4), emoji: "👍" });
      await bob.client.request("reaction:remove", { ...at(4), emoji: "👍" });
      return said;
    };

    const live = await change("live");
    const becomesSame = async () =>
      expect.poll(() => shownTo(ada), { timeout: 5000 }).toEqual(await storedFor(ada));
    await becomesSame();
    const toggling = timeline.toggleReaction(live[3]!.id, "👍");
    expect(timeline.message(live[3]!.id)?.reactions).toEqual([{ emoji: "👍", count: 2, me: true }]);
    await toggling;
    await becomesSame();

    ada.client.disconnect();
    await change("missed");
    await bob.client.request("reaction:add", { channelId, messageId: live[3]!.id, emoji: "🎉" });
    await bob.client.request("message:delete", { channelId, messageId: live[5]!.id });
    await bob.client.request("message:update", { channelId, messageId: live[6]!.id, content: "late" });
    await online(ada.client);
    await say("after");
    await becomesSame();
    const { messages } = await ada.client.request("message:list", { channelId, limit: 100 });
    expect(messages.find(({ id }) => id === live[3]!.id)?.reactions).toContainEqual({
      emoji: "👍",
      count: 2,
      me: true,
    });
  });

  test("messages written without a connection keep their rows when they arrive", async () => {
    const ada = await join(server.url);
    const timeline = ada.timelines.of(ada.channelId);
    await expect.poll(() => timeline.state).toBe("ready");
    ada.client.disconnect();
    const contents = Array.from({ length: 5 }, (_, number) => `offline ${number}`);
    for (const content of contents) ada.client.outbox.add({ channelId: ada.channelId, content });
    const before = timeline.rows.slice(-5).map(({ key }) => key);
    const seen = new Set<string>();
    const watch = () => {
      for (const { key, kind } of timeline.rows) if (kind === "message" || kind === "pending") seen.add(key);
    };
    for (const event of ["sent", "outbox", "message:created", "synced"] as const) ada.client.on(event, watch);
    await online(ada.client);
    await expect.poll(() => ada.client.outbox.entries().length).toBe(0);
    await expect
      .poll(() =>
        shownTo(ada)
          .slice(-5)
          .map((each) => each.content),
      )
      .toEqual(contents);
    expect(timeline.rows.slice(-5).map(({ key }) => key)).toEqual(before);
    expect([...seen].sort()).toEqual(
      timeline.rows.flatMap(({ key, kind }) => (kind === "message" ? [key] : [])).sort(),
    );
  });

  test("scrolling up and down passes every message once", async () => {
    const ada = await join(server.url);
    const { channelId } = ada;
    const { messages } = await ada.client.request("message:list", { channelId, limit: 100 });
    for (let number = messages.length; number < 320; number += 1) {
      await ada.client.request("message:create", { channelId, content: `${number}` });
    }
    const timeline = ada.timelines.of(channelId);
    await expect.poll(() => timeline.state).toBe("ready");
    const passed = new Map<Id, string>();
    const note = () => {
      for (const { message } of messageRows(timeline.rows)) passed.set(message.id, message.content);
      expect(messageRows(timeline.rows).length).toBeLessThanOrEqual(250);
    };
    while (timeline.hasOlder) {
      await timeline.loadOlder();
      note();
    }
    expect(passed.size).toBe(320);
    expect(timeline.rows[0]?.kind).toBe("beginning");
    while (timeline.hasNewer) await timeline.loadNewer();
    const { messages: newest } = await ada.client.request("message:list", { channelId });
    expect(shownTo(ada).at(-1)?.id).toBe(newest[0]!.id);
  });
});
