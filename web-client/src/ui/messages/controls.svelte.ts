/**
 * What the messages of a channel share: the open menu, emoji picker and question, and how an action is carried
 * out. One per channel view, handed down by context, so that rows carry no handlers of their own.
 */
import { getContext, setContext } from "svelte";
import { m } from "../../i18n";
import type { Message } from "../../protocol/contract";
import type { Composer, Row, Timeline } from "../../state/api";
import { app } from "../../state/app.svelte";
import { usedEmoji } from "../emoji/recent.svelte";
import type { Anchor } from "../parts/anchor";
import { toasts } from "../parts/toasts.svelte";
import { actionsFor, type MessageAction, type Rights } from "./actions";

export type MessageRow = Extract<Row, { kind: "message" }>;

interface OpenPicker {
  anchor: Anchor;
  pick: (emoji: string) => void;
}

export class MessageControls {
  readonly timeline: Timeline;
  readonly composer: Composer;
  menu = $state.raw<{ row: MessageRow; anchor: Anchor } | null>(null);
  picker = $state.raw<OpenPicker | null>(null);
  deleting = $state.raw<Message | null>(null);
  /** Of the last click or key, for what Shift changes. */
  shift = false;

  constructor(readonly channelId: string) {
    this.timeline = app.timelines.of(channelId);
    this.composer = app.composers.of(channelId);
  }

  closeAll(): void {
    this.menu = this.picker = this.deleting = null;
  }

  get groupId(): string | undefined {
    return app.directory.channel(this.channelId)?.groupId;
  }

  get rights(): Rights {
    const may = (permission: "send" | "react" | "manageMessages") =>
      app.directory.may(this.channelId, permission);
    const direct = app.directory.channel(this.channelId)?.type === "direct";
    return { send: may("send"), react: may("react"), manage: may("manageMessages"), direct };
  }

  actions(row: MessageRow): MessageAction[] {
    return actionsFor(row.message, row.mine, this.rights);
  }

  /** `anchor` is where the emoji picker opens. Does nothing if the reader may not. */
  run(action: MessageAction, row: MessageRow, anchor: Anchor): void {
    if (!this.actions(row).includes(action)) return;
    const { message } = row;
    switch (action) {
      case "react":
        this.picker = { anchor, pick: (emoji) => this.react(message, emoji) };
        return;
      case "reply":
        this.composer.replyTo = message;
        return;
      case "edit":
        return this.composer.startEditing(message);
      case "pin":
        return this.#attempt(this.timeline.setPinned(message.id, !message.pinned));
      case "markUnread":
        return this.#attempt(this.timeline.markUnreadFrom(message.id));
      case "copyText":
        return this.#copy(message.content);
      case "copyLink":
        return this.#copy(
          app.navigation.linkTo({ view: "channel", channelId: this.channelId, messageId: message.id }),
        );
      case "copyId":
        return this.#copy(message.id);
      case "delete":
        if (this.shift) return this.#attempt(this.timeline.remove(message.id));
        this.deleting = message;
    }
  }

  react(message: Message, emoji: string): void {
    if (!message.reactions.some((reaction) => reaction.emoji === emoji && reaction.me)) usedEmoji(emoji);
    this.#attempt(this.timeline.toggleReaction(message.id, emoji));
  }

  copy(text: string): void {
    this.#copy(text);
  }

  #copy(text: string): void {
    navigator.clipboard.writeText(text).then(
      () => toasts.show({ text: m.chat_copied(), tone: "success" }),
      () => toasts.show({ text: m.chat_copy_failed(), tone: "danger" }),
    );
  }

  #attempt(action: Promise<void>): void {
    action.catch((error: unknown) => toasts.failure(error));
  }
}

const KEY = Symbol("messages");

export function shareControls(controls: () => MessageControls): void {
  setContext(KEY, controls);
}

export function messageControls(): () => MessageControls {
  return getContext<() => MessageControls>(KEY);
}
