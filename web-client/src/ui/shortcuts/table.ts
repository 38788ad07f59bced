/** The shortcuts of the whole page, handled by Shortcuts.svelte. What they are called is in `sheet.ts`. */
import { app } from "../../state/app.svelte";
import { dialogs } from "../layout/pane.svelte";
import { cycleRegions } from "../layout/regions";
import { toasts } from "../parts/toasts.svelte";

export interface Shortcut {
  /** Any of them. */
  keys: readonly string[];
  run: () => void;
  /** Works while a text is typed, too; combinations with a modifier always do. */
  whileTyping?: boolean;
}

function markRead(): void {
  const { route } = app.navigation;
  if (route.view === "channel") app.unread.markRead(route.channelId).catch((error) => toasts.failure(error));
}

export const shortcuts = {
  switcher: { keys: ["Mod+K"], run: () => dialogs.open("switcher") },
  previous: { keys: ["Alt+ArrowUp"], run: () => app.navigation.step(-1, false) },
  next: { keys: ["Alt+ArrowDown"], run: () => app.navigation.step(1, false) },
  previousUnread: { keys: ["Alt+Shift+ArrowUp"], run: () => app.navigation.step(-1, true) },
  nextUnread: { keys: ["Alt+Shift+ArrowDown"], run: () => app.navigation.step(1, true) },
  nextRegion: { keys: ["F6"], run: () => cycleRegions(1), whileTyping: true },
  previousRegion: { keys: ["Shift+F6"], run: () => cycleRegions(-1), whileTyping: true },
  sheet: { keys: ["Mod+/", "?"], run: () => dialogs.open("shortcuts") },
  markRead: { keys: ["Escape"], run: markRead, whileTyping: true },
  markAllRead: { keys: ["Shift+Escape"], run: () => dialogs.open("markAllRead"), whileTyping: true },
} satisfies Record<string, Shortcut>;
