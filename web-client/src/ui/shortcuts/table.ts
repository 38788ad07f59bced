/**
 * All shortcuts: those with `run` are handled for the whole page by Shortcuts.svelte, the others by the part of the
 * page that has the focus and are here for the sheet.
 */
import { m } from "../../i18n";
import { app } from "../../state/app.svelte";
import { dialogs } from "../layout/pane.svelte";
import { cycleRegions } from "../layout/regions";
import { toasts } from "../parts/toasts.svelte";

export interface Shortcut {
  /** Any of them. */
  keys: readonly string[];
  label: () => string;
  run?: () => void;
  /** Works while a text is typed, too; combinations with a modifier always do. */
  whileTyping?: boolean;
}

export interface Section {
  title: () => string;
  shortcuts: readonly Shortcut[];
}

function markRead(): void {
  const { route } = app.navigation;
  if (route.view === "channel") app.unread.markRead(route.channelId).catch((error) => toasts.failure(error));
}

export const sections: readonly Section[] = [
  {
    title: m.shortcuts_navigation,
    shortcuts: [
      { keys: ["Mod+K"], label: m.shortcut_switcher, run: () => dialogs.open("switcher") },
      { keys: ["Alt+ArrowUp"], label: m.shortcut_previous, run: () => app.navigation.step(-1, false) },
      { keys: ["Alt+ArrowDown"], label: m.shortcut_next, run: () => app.navigation.step(1, false) },
      {
        keys: ["Alt+Shift+ArrowUp"],
        label: m.shortcut_previous_unread,
        run: () => app.navigation.step(-1, true),
      },
      {
        keys: ["Alt+Shift+ArrowDown"],
        label: m.shortcut_next_unread,
        run: () => app.navigation.step(1, true),
      },
      { keys: ["F6"], label: m.shortcut_next_region, run: () => cycleRegions(1), whileTyping: true },
      {
        keys: ["Shift+F6"],
        label: m.shortcut_previous_region,
        run: () => cycleRegions(-1),
        whileTyping: true,
      },
      { keys: ["Mod+/", "?"], label: m.shortcut_sheet, run: () => dialogs.open("shortcuts") },
    ],
  },
  {
    title: m.shortcuts_reading,
    shortcuts: [
      { keys: ["Escape"], label: m.shortcut_mark_read, run: markRead, whileTyping: true },
      {
        keys: ["Shift+Escape"],
        label: m.shortcut_mark_all_read,
        run: () => dialogs.open("markAllRead"),
        whileTyping: true,
      },
    ],
  },
  {
    title: m.shortcuts_message,
    shortcuts: [
      { keys: ["ArrowUp", "ArrowDown"], label: m.shortcut_message_move },
      { keys: ["R"], label: m.shortcut_message_reply },
      { keys: ["E"], label: m.shortcut_message_edit },
      { keys: ["+"], label: m.shortcut_message_react },
      { keys: ["P"], label: m.shortcut_message_pin },
      { keys: ["U"], label: m.shortcut_message_unread },
      { keys: ["Delete"], label: m.shortcut_message_delete },
    ],
  },
  {
    title: m.shortcuts_composer,
    shortcuts: [
      { keys: ["ArrowUp"], label: m.shortcut_composer_edit_last },
      { keys: ["Shift+Enter"], label: m.shortcut_composer_line },
      { keys: ["Mod+B"], label: m.shortcut_composer_bold },
      { keys: ["Mod+I"], label: m.shortcut_composer_italic },
      { keys: ["Mod+E"], label: m.shortcut_composer_code },
      { keys: ["Mod+Shift+X"], label: m.shortcut_composer_strike },
    ],
  },
];
