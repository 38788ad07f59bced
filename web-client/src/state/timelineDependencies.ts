/** What timelines and composers need of the rest of `state/`; passed in, so that tests can do without an app. */
import type { Client } from "../protocol/api";
import type { Id, User } from "../protocol/contract";
import type { Directory } from "./api";
import type { Cache } from "./cache";

/** The part of `Unread` that timelines read and move. */
export interface ReadStates {
  /** The server has said how the channel is. Before that it is what was remembered, and nothing counts as seen. */
  knows(channelId: Id): boolean;
  /** Null when the reader has no read state in the channel; "0" when everything is unread. */
  lastReadId(channelId: Id): Id | null;
  /** The newest message known of the channel. */
  lastMessageId(channelId: Id): Id | undefined;
  seen(channelId: Id, messageId: Id): void;
  setBack(channelId: Id, messageId: Id): Promise<void>;
  /** All of it, because the reader says so. */
  markRead(channelId: Id): Promise<void>;
  ends(channelId: Id, tail: Tail): void;
  /** Tells the server at once what it is to be told. */
  flush(): void;
}

/** How a channel ends. */
export interface Tail {
  newestId: Id | null;
  /** The newest of others; undefined if it is further up than was read. */
  foreignId: Id | null | undefined;
}

export interface TimelineDependencies {
  client: Pick<Client, "request" | "volatile" | "on" | "outbox" | "connection">;
  cache: Cache;
  /** Null when signed out. */
  meId: () => Id | null;
  directory: Pick<Directory, "channel" | "may">;
  /** Whether the directory has all channels: those of some groups come after `ready`. */
  complete?: () => boolean;
  reads: ReadStates;
  /** Authors that were seen in messages, for `People`. */
  remember: (users: readonly User[]) => void;
  /** Unix milliseconds. */
  now?: () => number;
  /** Whether the page is visible and in focus. */
  focused?: () => boolean;
  /** Runs before the next repaint, or soon when the page is hidden. */
  nextFrame?: (callback: () => void) => void;
  /** Calls back when the page is being hidden; returns the end of it. */
  onHidden?: (callback: () => void) => () => void;
}

export interface ComposerDependencies {
  client: Pick<Client, "volatile" | "on" | "outbox">;
  cache: Cache;
  meId: () => Id | null;
  directory: Pick<Directory, "channel" | "may">;
  /** `limits.contentChars`. */
  contentCharsMax: () => number;
  now?: () => number;
  onHidden?: (callback: () => void) => () => void;
}
