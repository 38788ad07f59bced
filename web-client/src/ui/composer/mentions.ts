/** The tokens of a draft, with the names this app knows. */
import { app } from "../../state/app.svelte";
import { channelLink } from "../markdown/link";
import { addToken, toDisplay, toWire, type Tokens } from "./tokens";

const CHANNEL_LINKS = new RegExp(`${location.origin.replace(/[.]/g, "\\.")}/c/\\d+(?![/\\d])`, "g");

export class Mentions {
  readonly #tokens: Tokens = new Map();
  /** Names of those who were suggested, for mentions that were typed to the end. */
  readonly #typed = new Map<string, string>();

  constructor(readonly groupId: string | undefined) {}

  get tokens(): Tokens {
    return this.#tokens;
  }

  display(wire: string): string {
    return toDisplay(wire, this.#tokens, (form) => this.#label(form), CHANNEL_LINKS);
  }

  wire(display: string): string {
    return toWire(display, this.#tokens);
  }

  /** As it is sent: `@name` that was typed without choosing from the list counts if it is somebody's. */
  finish(wire: string): string {
    return wire.replace(/(^|[\s(])@([\w.-]+)/g, (whole, before: string, name: string) => {
      const userId = this.#typed.get(name.toLowerCase());
      return userId && name !== "everyone" ? `${before}<@${userId}>` : whole;
    });
  }

  /** What to insert for a person. */
  person(userId: string): string {
    return addToken(this.#tokens, `<@${userId}>`, this.#personLabel(userId));
  }

  channel(channelId: string): string | null {
    const form = `${location.origin}/c/${channelId}`;
    const label = this.#label(form);
    return label && addToken(this.#tokens, form, label);
  }

  suggested(people: readonly { id: string; username: string }[]): void {
    for (const { id, username } of people) this.#typed.set(username.toLowerCase(), id);
  }

  #label(form: string): string | null {
    const [, userId] = /^<@(\d+)>$/.exec(form) ?? [];
    if (userId) return app.people.user(userId) ? this.#personLabel(userId) : null;
    const target = channelLink(form, location.origin);
    const channel = target && app.directory.channel(target.channelId);
    return channel ? `#${app.directory.channelName(channel)}` : null;
  }

  #personLabel(userId: string): string {
    return `@${app.people.displayName(userId, this.groupId)}`;
  }
}
