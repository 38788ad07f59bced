/** What completes the word at the caret: people, channels, emoji, commands. At most a handful, the best first. */
import { m } from "../../i18n";
import type { User } from "../../protocol/contract";
import type { MemberList, Timeline } from "../../state/api";
import { app } from "../../state/app.svelte";
import { isNamed } from "../../state/names";
import { loadEmoji, type Emoji } from "../emoji/data";
import { searchEmoji } from "../emoji/search";
import { COMMANDS } from "./commands";
import type { Mentions } from "./mentions";
import type { Trigger } from "./trigger";

export interface Suggestion {
  key: string;
  title: string;
  detail: string;
  /** Shown before it. */
  user?: User;
  emoji?: string;
  /** Goes into the text in place of the trigger. */
  insert: () => string;
}

export interface Offer {
  suggestions: readonly Suggestion[];
  /** More people are called so than are shown. */
  more: boolean;
}

const SHOWN_MAX = 8;

export class Suggestions {
  #emoji = $state.raw<readonly Emoji[]>([]);
  #members: MemberList | null = null;

  constructor(
    readonly timeline: Timeline,
    readonly mentions: Mentions,
  ) {}

  /** Starts what has to be asked for; `find` shows it as it comes. */
  prepare(trigger: Trigger): void {
    // Without the data there is nothing to suggest, and nothing else is lost.
    if (trigger.kind === "emoji")
      loadEmoji().then(
        (all) => (this.#emoji = all),
        () => {},
      );
    const { groupId } = this.mentions;
    if (trigger.kind !== "person" || !groupId) return;
    this.#members ??= app.people.memberList(groupId);
    this.#members.query = trigger.query;
  }

  find(trigger: Trigger): Offer {
    const found = this.#all(trigger);
    const more = trigger.kind === "person" && trigger.query !== "" && found.length > SHOWN_MAX;
    return { suggestions: found.slice(0, SHOWN_MAX), more };
  }

  #all({ kind, query }: Trigger): Suggestion[] {
    switch (kind) {
      case "person":
        return this.#people(query);
      case "channel":
        return this.#channels(query);
      case "emoji":
        return searchEmoji(this.#emoji, query, SHOWN_MAX).map((entry) => ({
          key: entry.emoji,
          title: `:${entry.shortcodes[0] ?? entry.name}:`,
          detail: "",
          emoji: entry.emoji,
          insert: () => entry.emoji,
        }));
      case "command":
        return COMMANDS.filter(({ name }) => name.startsWith(query.toLowerCase())).map(({ name, text }) => ({
          key: name,
          title: `/${name}`,
          detail: text,
          insert: () => text,
        }));
    }
  }

  /** Those who wrote lately, then the members the server found. */
  #people(query: string): Suggestion[] {
    const { groupId } = this.mentions;
    const channel = app.directory.channel(this.timeline.channelId);
    const here = this.timeline.rows
      .filter((row) => row.kind === "message")
      .map((row) => row.message.author)
      .reverse();
    const members = this.#members?.members.map((member) => member.user) ?? [];
    const found = distinct([...here, ...(channel?.recipients ?? []), ...members]).filter(
      (user) =>
        user.id !== app.me.id &&
        isNamed([user.username, user.displayName, app.people.displayName(user.id, groupId)], query),
    );
    this.mentions.suggested(found);
    const people = found.map((user): Suggestion => ({
      key: user.id,
      title: app.people.displayName(user.id, groupId),
      detail: `@${user.username}`,
      user,
      insert: () => this.mentions.person(user.id),
    }));
    // Among those that are shown.
    if (isNamed(["everyone"], query)) people.splice(SHOWN_MAX - 1, 0, ...this.#everyone());
    return people;
  }

  #everyone(): Suggestion[] {
    const { groupId } = this.mentions;
    const group = groupId ? app.directory.group(groupId) : undefined;
    if (!group || !app.directory.may(this.timeline.channelId, "mentionEveryone")) return [];
    const detail = m.chat_everyone_detail({ count: group.memberCount });
    return [{ key: "everyone", title: "@everyone", detail, insert: () => "@everyone" }];
  }

  #channels(query: string): Suggestion[] {
    const { groupId } = this.mentions;
    const channels = groupId ? app.directory.channelsOf(groupId) : [];
    return channels
      .filter(({ name }) => isNamed([name], query))
      .map((channel) => ({
        key: channel.id,
        title: `#${channel.name}`,
        detail: channel.topic,
        insert: () => this.mentions.channel(channel.id) ?? `#${channel.name}`,
      }));
  }
}

/** The first of each person. */
function distinct(users: readonly User[]): User[] {
  return users.filter((user, index) => users.findIndex(({ id }) => id === user.id) === index);
}
