/** Whether a message is worth a notification, and what it says. */
import { isolate } from "../i18n/isolate";
import type { Channel, Id, Message } from "../protocol/contract";
import type { MyStatus } from "./my-status";
import type { NotificationLevel } from "./api";

const BODY_CHARS = 200;

/** Everything in direct channels and small groups; in the official group, where everybody is, only mentions. */
export function defaultLevel(channel: Channel | undefined, official: boolean): NotificationLevel {
  return channel?.type !== "direct" && official ? "mentions" : "all";
}

export interface Situation {
  meId: Id;
  level: NotificationLevel;
  status: MyStatus["status"];
  /** The page, in any tab, has the focus. */
  focused: boolean;
}

export function isMention(message: Pick<Message, "mentions" | "mentionsEveryone">, meId: Id): boolean {
  return message.mentionsEveryone || message.mentions.includes(meId);
}

export function shouldNotify(message: Message, { meId, level, status, focused }: Situation): boolean {
  if (message.author.id === meId || focused || status === "dnd") return false;
  if (level === "none") return false;
  return level === "all" || isMention(message, meId);
}

/** As it was typed, with names for mentions; spoilers stay hidden. */
export function legible(content: string, nameOf: (userId: Id) => string): string {
  return content
    .replace(/<@(\d+)>/g, (_, userId: Id) => isolate(`@${nameOf(userId)}`))
    .replace(/\|\|.+?\|\|/gs, "▒▒▒");
}

/** Plain text of one paragraph. */
export function notificationBody(content: string, nameOf: (userId: Id) => string): string {
  const text = legible(content, nameOf).replace(/\s+/g, " ").trim();
  return text.length > BODY_CHARS ? `${text.slice(0, BODY_CHARS - 1)}…` : text;
}
