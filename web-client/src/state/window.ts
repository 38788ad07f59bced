/**
 * The part of a channel's history that a timeline holds, oldest first, without gaps between its first and last
 * message. Pure functions; a result that changes nothing is the same object. Knows no server and no reader.
 */
import { compareIds } from "../protocol/ids";
import type { Id, Message } from "../protocol/contract";

/** Rows that a browser lays out without effort, and enough to scroll for a while. */
export const WINDOW_MESSAGES_MAX = 250;

export interface Window {
  readonly messages: readonly Message[];
  /** There is more at the server, before the first or after the last. */
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

export const EMPTY: Window = { messages: [], hasOlder: false, hasNewer: false };

/** The index of the message, or of where it would be inserted. */
export function indexOf(messages: readonly Message[], messageId: Id): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareIds(messages[middle]!.id, messageId) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function find(window: Window, messageId: Id): Message | undefined {
  const message = window.messages[indexOf(window.messages, messageId)];
  return message?.id === messageId ? message : undefined;
}

/** Whether a message with this id belongs between, or directly next to, the ones held. */
export function covers(window: Window, messageId: Id): boolean {
  const first = window.messages[0];
  const last = window.messages.at(-1);
  if (!first || !last) return !window.hasOlder && !window.hasNewer;
  if (compareIds(messageId, first.id) < 0) return !window.hasOlder;
  if (compareIds(messageId, last.id) > 0) return !window.hasNewer;
  return true;
}

/**
 * Of two states of one message the later one: an edit is never undone by an older answer. An equal one keeps its
 * identity, so that its row is not drawn again.
 */
export function laterOf(held: Message, fetched: Message): Message {
  if ((fetched.editedAt ?? "") < (held.editedAt ?? "")) return held;
  return JSON.stringify(held) === JSON.stringify(fetched) ? held : fetched;
}

/** Adds messages in any order; those held already are updated, those that are not covered are ignored. */
export function add(window: Window, arrived: readonly Message[]): Window {
  const fitting = arrived.filter((message) => covers(window, message.id));
  const messages = merge(window.messages, fitting);
  return messages === window.messages ? window : { ...window, messages };
}

/** Puts a page in front of the window, and drops the newest ones beyond the maximum. */
export function prepend(window: Window, page: readonly Message[], hasOlder: boolean): Window {
  return dropNewest({ ...window, messages: merge(window.messages, page), hasOlder }, WINDOW_MESSAGES_MAX);
}

/** Puts a page behind the window, and drops the oldest ones beyond the maximum. */
export function append(window: Window, page: readonly Message[], hasNewer: boolean): Window {
  return dropOldest({ ...window, messages: merge(window.messages, page), hasNewer }, WINDOW_MESSAGES_MAX);
}

export function dropOldest(window: Window, keep: number): Window {
  if (window.messages.length <= keep) return window;
  return { ...window, messages: window.messages.slice(-keep), hasOlder: true };
}

export function dropNewest(window: Window, keep: number): Window {
  if (window.messages.length <= keep) return window;
  return { ...window, messages: window.messages.slice(0, keep), hasNewer: true };
}

/** Changes one message; ignored when it is not held. */
export function update(window: Window, messageId: Id, change: (message: Message) => Message): Window {
  const index = indexOf(window.messages, messageId);
  const held = window.messages[index];
  if (held?.id !== messageId) return window;
  const changed = change(held);
  return changed === held ? window : { ...window, messages: window.messages.with(index, changed) };
}

/**
 * Applies the push of an edit. Reactions and pins have pushes of their own, and the reader's view of them is not in
 * this one, so they stay as they are. Answers to the message show its new content.
 */
export function edit(window: Window, pushed: Message): Window {
  const held = find(window, pushed.id);
  if (held && (pushed.editedAt ?? "") < (held.editedAt ?? "")) return window;
  const answers = window.messages.some((message) => message.replyTo?.id === pushed.id);
  if (!answers && !held) return window;
  const messages = window.messages.map((message) => {
    if (message === held) return { ...pushed, reactions: held.reactions, pinned: held.pinned };
    if (message.replyTo?.id !== pushed.id) return message;
    return { ...message, replyTo: { ...message.replyTo, content: pushed.content } };
  });
  return { ...window, messages };
}

/** Takes a message out; answers to it lose their quote. */
export function remove(window: Window, messageId: Id): Window {
  const answers = window.messages.some((message) => message.replyTo?.id === messageId);
  if (!answers && !find(window, messageId)) return window;
  const messages = window.messages
    .filter((message) => message.id !== messageId)
    .map((message) => (message.replyTo?.id === messageId ? { ...message, replyTo: null } : message));
  return { ...window, messages };
}

/** Both in order and without duplicates; `held` itself if nothing changes. */
function merge(held: readonly Message[], arrived: readonly Message[]): readonly Message[] {
  if (arrived.length === 0) return held;
  const byId = new Map(held.map((message) => [message.id, message]));
  let changed = false;
  for (const message of arrived) {
    const before = byId.get(message.id);
    const after = before ? laterOf(before, message) : message;
    if (after === before) continue;
    changed = true;
    byId.set(message.id, after);
  }
  if (!changed) return held;
  const messages = [...byId.values()];
  return byId.size === held.length ? messages : messages.sort((a, b) => compareIds(a.id, b.id));
}
