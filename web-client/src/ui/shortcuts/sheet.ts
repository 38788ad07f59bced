/** All shortcuts in words: those of `table.ts`, and those that are handled by the part of the page that has the focus. */
import { m } from "../../i18n";
import { shortcuts } from "./table";

interface Line {
  /** Any of them. */
  keys: readonly string[];
  label: () => string;
}

interface Section {
  title: () => string;
  lines: readonly Line[];
}

export const sections: readonly Section[] = [
  {
    title: m.shortcuts_navigation,
    lines: [
      { keys: shortcuts.switcher.keys, label: m.shortcut_switcher },
      { keys: shortcuts.previous.keys, label: m.shortcut_previous },
      { keys: shortcuts.next.keys, label: m.shortcut_next },
      { keys: shortcuts.previousUnread.keys, label: m.shortcut_previous_unread },
      { keys: shortcuts.nextUnread.keys, label: m.shortcut_next_unread },
      { keys: shortcuts.nextRegion.keys, label: m.shortcut_next_region },
      { keys: shortcuts.previousRegion.keys, label: m.shortcut_previous_region },
      { keys: shortcuts.sheet.keys, label: m.shortcut_sheet },
    ],
  },
  {
    title: m.shortcuts_reading,
    lines: [
      { keys: shortcuts.markRead.keys, label: m.shortcut_mark_read },
      { keys: shortcuts.markAllRead.keys, label: m.shortcut_mark_all_read },
    ],
  },
  {
    title: m.shortcuts_message,
    lines: [
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
    lines: [
      { keys: ["ArrowUp"], label: m.shortcut_composer_edit_last },
      { keys: ["Shift+Enter"], label: m.shortcut_composer_line },
      { keys: ["Mod+B"], label: m.shortcut_composer_bold },
      { keys: ["Mod+I"], label: m.shortcut_composer_italic },
      { keys: ["Mod+E"], label: m.shortcut_composer_code },
      { keys: ["Mod+Shift+X"], label: m.shortcut_composer_strike },
    ],
  },
];
