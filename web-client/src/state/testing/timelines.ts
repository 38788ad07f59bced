/** Timelines with a fake client and a stored history, for tests. */
import type { Channel, Id, Message, ReadState } from "../../protocol/contract";
import { compareIds } from "../../protocol/ids";
import type { Row } from "../api";
import { Cache } from "../cache";
import { Timelines } from "../timelines";
import { FakeClient } from "./fake-client";
import { CHANNEL, ME, StoredHistory } from "./history";

export function setUp(stored: Message[] = [], options: { lastReadId?: Id | null; cached?: Message[] } = {}) {
  const client = new FakeClient(ME);
  client.connection = { state: "online", transport: "websocket", latencyMs: 1, since: 0 };
  const server = new StoredHistory(stored);
  client.answers["message:list"] = (payload) => server.list(payload);
  client.answers["channel:read"] = ({ channelId, messageId }): ReadState => ({
    channelId,
    lastReadId: messageId,
    mentionCount: 0,
  });
  const channels = new Map<Id, Partial<Channel>>([[CHANNEL, { id: CHANNEL }]]);
  const reads = new Map<Id, Id | null>([[CHANNEL, options.lastReadId ?? null]]);
  const cache = new Cache();
  cache.messages = async () => options.cached ?? [];
  const page = { focused: true, hide: () => {} };
  let frames: (() => void)[] = [];
  const timelines = new Timelines({
    client,
    cache,
    meId: () => ME.id,
    directory: { channel: (id) => channels.get(id) as Channel | undefined, may: () => false },
    reads: {
      lastReadId: (channelId) => reads.get(channelId) ?? null,
      lastMessageId: () => server.newest,
      assumeRead: (channelId, messageId) => void reads.set(channelId, messageId),
      apply: ({ channelId, lastReadId }) => void reads.set(channelId, lastReadId),
    },
    remember: () => {},
    focused: () => page.focused,
    nextFrame: (callback) => void frames.push(callback),
    onHidden: (callback) => {
      page.hide = callback;
      return () => {};
    },
  });
  client.setCursors(() => timelines.cursors());
  return {
    client,
    server,
    timelines,
    channels,
    reads,
    page,
    /** Draws the frame that pushes have asked for. */
    frame() {
      const due = frames;
      frames = [];
      for (const callback of due) callback();
    },
    /** The server stores the message and pushes it. */
    push(...arrived: Message[]) {
      for (const message of arrived) {
        if (!server.messages.some(({ id }) => id === message.id)) server.messages.push(message);
        client.push("message:created", message);
      }
    },
    async open(channelId = CHANNEL) {
      const timeline = timelines.of(channelId);
      await settled();
      return timeline;
    },
    requests: (event: string) => client.requests.filter((request) => request.event === event),
  };
}

/** Until all answers of the fakes have been taken in. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}

/** An answer that the test gives when it wants to. */
export function held<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

export const failure = (code: string) => Object.assign(new Error(code), { code });

export const messageRows = (rows: readonly Row[]) =>
  rows.flatMap((row) => (row.kind === "message" ? [row] : []));

/** Contents in order; pending ones in parentheses; "new" for the line. */
export const shown = (rows: readonly Row[]) =>
  rows.flatMap((row) => {
    if (row.kind === "message") return [row.message.content];
    if (row.kind === "pending") return [`(${row.entry.content})`];
    return row.kind === "new" ? ["new"] : [];
  });

export const keys = (rows: readonly Row[]) => rows.map(({ key }) => key);

export const isOrdered = (messages: readonly Message[]) =>
  messages.every((each, index) => index === 0 || compareIds(messages[index - 1]!.id, each.id) < 0);
