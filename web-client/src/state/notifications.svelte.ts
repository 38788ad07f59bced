/**
 * Desktop notifications and the sound. Levels are kept in this browser. One tab speaks for all, and only while none
 * of them has the focus.
 */
import { SvelteMap } from "svelte/reactivity";
import { isolate } from "../i18n/isolate";
import type { Client } from "../protocol/api";
import type { Channel, Id, Message } from "../protocol/contract";
import type { NotificationLevel, Notifications } from "./api";
import { chime } from "./chime";
import type { MyStatus } from "./my-status";
import { defaultLevel, isMention, notificationBody, shouldNotify } from "./notify";
import { personal } from "./storage";
import { Tabs } from "./tabs";

/** A busy channel shows one notification, which its newest message replaces, not more often than this. */
const EVERY_MS = 1000;

interface Parts {
  client: Client;
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
  readonly #levels = new SvelteMap<Id, NotificationLevel>();
  readonly #shownAt = new Map<Id, number>();
  #permission: Notifications["permission"] = $state(
    "Notification" in window ? Notification.permission : "unsupported",
  );

  constructor(parts: Parts) {
    this.#parts = parts;
    this.load();
    parts.client.on("message:created", (message) => void this.#created(message));
  }

  get permission() {
    return this.#permission;
  }

  /** Only after a click: browsers refuse it otherwise, and people too. */
  async ask(): Promise<void> {
    if (this.#permission !== "unsupported") this.#permission = await Notification.requestPermission();
  }

  level(channelId: Id): NotificationLevel {
    const level = this.#levels.get(channelId);
    if (level) return level;
    const channel = this.#parts.channel(channelId);
    return defaultLevel(channel, channel?.groupId !== undefined && this.#parts.isOfficial(channel.groupId));
  }

  setLevel(channelId: Id, level: NotificationLevel): void {
    this.#levels.set(channelId, level);
    personal.write("levels", Object.fromEntries(this.#levels));
  }

  load(): void {
    this.#levels.clear();
    this.#shownAt.clear();
    for (const [id, level] of Object.entries(personal.read<Record<Id, NotificationLevel>>("levels", {}))) {
      this.#levels.set(id, level);
    }
  }

  async #created(message: Message): Promise<void> {
    const meId = this.#parts.meId();
    const channel = this.#parts.channel(message.channelId);
    if (!this.#tabs.leads || meId === null || !channel) return;
    const status = this.#parts.status();
    const situation = { meId, level: this.level(channel.id), status, focused: document.hasFocus() };
    if (!shouldNotify(message, situation) || this.#tooSoon(message, meId)) return;
    if (await this.#tabs.anyFocused()) return;
    if (this.#parts.sounds()) chime();
    if (this.#permission === "granted") this.#notify(message, channel);
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
      shown.onclick = () => {
        window.focus();
        open(channel.id, message.id);
        shown.close();
      };
    } catch {
      // Some browsers on phones show them only from a service worker; the badge has to do there.
    }
  }
}
