/** Timelines with a fake client and a stored history, for tests. */
import type { Channel, Id, ListedGroup, Member, Message, ReadState } from "../../protocol/contract";
import { compareIds } from "../../protocol/ids";
import type { Row } from "../api";
import { Cache } from "../cache";
import { Timelines } from "../timelines";
import { UnreadState } from "../unread.svelte";
import { FakeClient } from "./fake-client";
import { CHANNEL, ME, StoredHistory } from "./history";

interface Options {
  lastReadId?: Id | null;
  cached?: Message[];
  /** False: `ready` has not come. */
  known?: boolean;
}

export function setUp(stored: Message[] = [], options: Options = {}) {
  const client = new FakeClient(ME);
  client.connection = { state: "online", transport: "websocket", latencyMs: 1, since: 0 };
  const server = new StoredHistory(stored);
  client.answers["message:list"] = (payload) => server.list(payload);
  client.answers["channel:read"] = ({ channelId, messageId }): ReadState => ({
    channelId,
    lastReadId: messageId,
    mentionCount: 0,
  });
  const channels = new Map<Id, Partial<Channel>>([[CHANNEL, { id: CHANNEL, groupId: "5" }]]);
  const memberships: Partial<Member> = { joinedAt: new Date(0).toISOString() };
  const reads = new UnreadState({
    client,
    meId: () => ME.id,
    channel: (id) => channels.get(id) as Channel | undefined,
    channelsOf: (groupId) =>
      [...channels.values()].filter((channel) => channel.groupId === groupId) as Channel[],
    membership: () => memberships as Member,
    muted: () => false,
    markedRead: (channelId) => timelines.peek(channelId)?.markedRead(),
  });
  /** The server says how it is, with this read state. */
  const known = (lastReadId: Id | null | undefined) => {
    const channel = { id: CHANNEL, lastMessageId: server.newest } as Channel;
    const readStates = lastReadId ? [{ channelId: CHANNEL, lastReadId, mentionCount: 0 }] : [];
    reads.applyReady({ groups: [], directChannels: [channel], readStates });
  };
  /** `ready` has come, without the channels of this group. */
  const partial = () => {
    const group = { id: "5", partial: true } as ListedGroup;
    reads.applyReady({ groups: [group], directChannels: [], readStates: [] });
    client.push("ready", {} as never);
  };
  /** What `ready` left out. */
  const completed = (lastReadId: Id | null) => {
    const channel = { id: CHANNEL, groupId: "5", lastMessageId: server.newest } as Channel;
    const readStates = lastReadId ? [{ channelId: CHANNEL, lastReadId, mentionCount: 0 }] : [];
    client.push("group:created", { channels: [channel] } as never);
    client.push("groupCompleted", { id: "5", channels: [channel], readStates });
  };
  if (options.known ?? true) known(options.lastReadId ?? server.newest);
  const cache = new Cache();
  cache.messages = async () => options.cached ?? [];
  const page = { focused: true, hide: () => {} };
  let frames: (() => void)[] = [];
  const timelines: Timelines = new Timelines({
    client,
    cache,
    meId: () => ME.id,
    directory: { channel: (id) => channels.get(id) as Channel | undefined, may: () => false },
    reads,
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
    known,
    partial,
    completed,
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
