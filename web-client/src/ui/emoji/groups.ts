/** The names of Unicode's groups, and an emoji that stands for each. */
import { m } from "../../i18n";
import type { GROUPS } from "./data";

export const GROUP_NAMES: Record<(typeof GROUPS)[number], { title: () => string; icon: string }> = {
  0: { title: m.chat_emoji_smileys, icon: "😀" },
  1: { title: m.chat_emoji_people, icon: "👋" },
  3: { title: m.chat_emoji_nature, icon: "🐻" },
  4: { title: m.chat_emoji_food, icon: "🍎" },
  5: { title: m.chat_emoji_travel, icon: "✈️" },
  6: { title: m.chat_emoji_activities, icon: "⚽" },
  7: { title: m.chat_emoji_objects, icon: "💡" },
  8: { title: m.chat_emoji_symbols, icon: "❤️" },
  9: { title: m.chat_emoji_flags, icon: "🏁" },
};
