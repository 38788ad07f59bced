/** The words, icons and keys of the actions, for the menu of a message and its toolbar. */
import { m } from "../../i18n";
import type { IconName } from "../parts/icons";
import type { MessageAction } from "./actions";
import type { MessageRow } from "./controls.svelte";

interface Words {
  label: (row: MessageRow) => string;
  icon: (row: MessageRow) => IconName;
  shortcut?: string;
}

export const WORDS: Record<MessageAction, Words> = {
  react: { label: () => m.chat_action_react(), icon: () => "smile-plus", shortcut: "+" },
  reply: { label: () => m.chat_action_reply(), icon: () => "reply", shortcut: "R" },
  edit: { label: () => m.chat_action_edit(), icon: () => "pencil", shortcut: "E" },
  pin: {
    label: ({ message }) => (message.pinned ? m.chat_action_unpin() : m.chat_action_pin()),
    icon: ({ message }) => (message.pinned ? "pin-off" : "pin"),
    shortcut: "P",
  },
  markUnread: { label: () => m.chat_action_mark_unread(), icon: () => "mail-open", shortcut: "U" },
  copyText: { label: () => m.chat_action_copy_text(), icon: () => "copy" },
  copyLink: { label: () => m.chat_action_copy_link(), icon: () => "link" },
  copyId: { label: () => m.chat_action_copy_id(), icon: () => "hash" },
  delete: { label: () => m.chat_action_delete(), icon: () => "trash-2", shortcut: "Del" },
};
