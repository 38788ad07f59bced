/**
 * Desktop notifications and the sound. Levels are the account's. One tab speaks for all, and only while none of them has
 * the focus.
 */
import { isolate } from "../i18n/isolate";
import type { Client } from "../protocol/api";
import type { Channel, Id, Message } from "../protocol/contract";
import type { AccountSettings } from "./account-settings.svelte";
import type { NotificationLevel, Notifications } from "./api";
import type { MyStatus } from "./my-status";
import { defaultLevel, isMention, notificationBody, shouldNotify } from "./notify";
import { personal } from "./storage";
import { Tabs } from "./tabs";

/** A busy channel shows one notification, which its newest message replaces, not more often than this. */
const EVERY_MS = 1000;
/** Of the account: by channel, where it is not the default. */
const LEVEL = "level.";
/** Where an earlier version kept them, in this browser. */
const OLD_KEY = "levels";
const LEVELS: readonly unknown[] = ["all", "mentions", "none"] satisfies NotificationLevel[];

interface Parts {
  client: Client;
  account: AccountSettings;
  meId: () => Id | null;
  status: () => MyStatus["status"];
  sounds: () => boolean;
  channel: (id: Id) => Channel | undefined;
  isOfficial: (groupId: Id) => boolean;
  displayName: (userId: Id, groupId?: Id) => string;
  title: (channel: Channel) => string;
  open: (channelId: Id, messageId: Id) => void;
}

export class NotificationState implements Notifications {
  readonly #parts: Parts;
  readonly #tabs = new Tabs();
  readonly #shownAt = new Map<Id, number>();
  /** By channel: on the desktop until they are clicked, replaced or closed. */
  readonly #shown = new Map<Id, Notification>();
  #permission: Notifications["permission"] = $state(
    "Notification" in window ? Notification.permission : "unsupported",
  );

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.client.on("message:created", (message) => void this.#created(message));
    // Once the page is gone a click on them leads nowhere, and nobody takes them away at the sign-out.
    window.addEventListener("pagehide", () => this.#closeAll());
  }

  get permission() {
    return this.#permission;
  }

  /** Only after a click: browsers refuse it otherwise, and people too. */
  async ask(): Promise<void> {
    if (this.#permission !== "unsupported") this.#permission = await Notification.requestPermission();
  }

  level(channelId: Id): NotificationLevel {
    const level = this.#parts.account.get(LEVEL + channelId);
    return LEVELS.includes(level) ? (level as NotificationLevel) : this.#defaultLevel(channelId);
  }

  setLevel(channelId: Id, level: NotificationLevel): void {
    // What is as usual needs no room in the account, and follows when that changes.
    this.#parts.account.set(LEVEL + channelId, level === this.#defaultLevel(channelId) ? null : level);
  }

  /** Somebody else reads here now. */
  clear(): void {
    this.#shownAt.clear();
    this.#closeAll();
  }

  /** The levels of an earlier version move to the account, unless it has one for the channel. */
  adopt(): void {
    const old = Object.entries(personal.read<Record<Id, NotificationLevel>>(OLD_KEY, {}));
    for (const [id, level] of old) {
      if (this.#parts.account.get(LEVEL + id) === undefined) this.setLevel(id, level);
    }
    if (old.length > 0) personal.write(OLD_KEY, undefined);
  }

  /**
   * What the account keeps of channels that were left or deleted. Nothing unless all that the reader is in are known:
   * those of a partial group come later.
   */
  outdated(): string[] {
    const { account, client, channel } = this.#parts;
    if (!client.ready || client.ready.groups.some(({ partial }) => partial)) return [];
    return [...account.under(LEVEL)].flatMap(([id]) => (channel(id) ? [] : [LEVEL + id]));
  }

  #defaultLevel(channelId: Id): NotificationLevel {
    const channel = this.#parts.channel(channelId);
    return defaultLevel(channel, channel?.groupId !== undefined && this.#parts.isOfficial(channel.groupId));
  }

  async #created(message: Message): Promise<void> {
    const meId = this.#parts.meId();
    const channel = this.#parts.channel(message.channelId);
    if (!this.#tabs.leads || meId === null || !channel) return;
    const status = this.#parts.status();
    const situation = { meId, level: this.level(channel.id), status, focused: document.hasFocus() };
    if (!shouldNotify(message, situation) || this.#tooSoon(message, meId)) return;
    if (await this.#tabs.anyFocused()) return;
    if (this.#parts.sounds())
      void import("./chime").then(
        ({ chime }) => chime(),
        () => {},
      );
    // Whoever signed out meanwhile is told nothing.
    if (this.#permission === "granted" && this.#parts.meId() === meId) this.#notify(message, channel);
  }

  #tooSoon(message: Message, meId: Id): boolean {
    const now = performance.now();
    const before = this.#shownAt.get(message.channelId);
    if (before !== undefined && now - before < EVERY_MS && !isMention(message, meId)) return true;
    this.#shownAt.set(message.channelId, now);
    return false;
  }

  #notify(message: Message, channel: Channel): void {
    const { displayName, title, open } = this.#parts;
    const author = displayName(message.author.id, channel.groupId);
    const heading =
      channel.type === "direct" ? isolate(author) : `${isolate(author)} (${isolate(title(channel))})`;
    const nameOf = (userId: Id) => displayName(userId, channel.groupId);
    const body = notificationBody(message.content, nameOf);
    try {
      // The sound is ours, at most one in three seconds.
      const shown = new Notification(heading, { body, tag: channel.id, silent: true });
      this.#shown.set(channel.id, shown);
      shown.onclose = () => {
        if (this.#shown.get(channel.id) === shown) this.#shown.delete(channel.id);
      };
      const owner = this.#parts.meId();
      shown.onclick = () => {
        window.focus();
        if (this.#parts.meId() === owner) open(channel.id, message.id);
        shown.close();
      };
    } catch {
      // Some browsers on phones show them only from a service worker; the badge has to do there.
    }
  }

  #closeAll(): void {
    for (const shown of this.#shown.values()) shown.close();
    this.#shown.clear();
  }
}
