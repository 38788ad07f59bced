/** The emoji used last, newest first: of the person who is signed in, kept in this browser. */
import { app } from "../../state/app.svelte";
import { personal } from "../../state/storage";

const KEY = "emoji-recent";
const KEPT_MAX = 24;
const FIRST = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];

/** Since the page was opened; without storage they last as long as it. */
let used = $state.raw<{ owner: string; emoji: readonly string[] } | null>(null);

/** What was used, filled up with what most people use. */
export function recentEmoji(): readonly string[] {
  const recent = own();
  return [...recent, ...FIRST.filter((emoji) => !recent.includes(emoji))].slice(0, KEPT_MAX);
}

export function usedEmoji(emoji: string): void {
  const recent = [emoji, ...own().filter((other) => other !== emoji)].slice(0, KEPT_MAX);
  used = { owner: app.me.id, emoji: recent };
  personal.write(KEY, recent);
}

function own(): readonly string[] {
  return used?.owner === app.me.id ? used.emoji : kept();
}

function kept(): readonly string[] {
  const stored = personal.read<unknown>(KEY, []);
  return Array.isArray(stored) ? stored.filter((item) => typeof item === "string").slice(0, KEPT_MAX) : [];
}
