/** What can be done with a channel from the list. What the reader may never do is left out. */
import { m } from "../../i18n";
import type { Channel } from "../../protocol/contract";
import type { NotificationLevel } from "../../state/api";
import { app } from "../../state/app.svelte";
import { copyText } from "../groups/copy";
import { openDialog } from "../groups/open";
import { attempt } from "../groups/attempt";
import type { MenuEntry } from "../parts/menu";

const LEVELS: [NotificationLevel, () => string][] = [
  ["all", m.channels_notify_all],
  ["mentions", m.channels_notify_mentions],
  ["none", m.channels_notify_none],
];

export function channelMenu(channel: Channel): MenuEntry[] {
  const { id } = channel;
  const level = app.notifications.level(id);
  const link = () => location.origin + app.navigation.linkTo({ view: "channel", channelId: id });
  const items: MenuEntry[] = [
    {
      label: m.channels_mark_read(),
      icon: "check",
      disabled: !app.unread.has(id),
      run: () => attempt(app.unread.markRead(id)),
    },
    { label: m.channels_copy_link(), icon: "link", run: () => copyText(link(), m.channels_link_copied()) },
    { heading: m.channels_notify() },
    ...LEVELS.map(([value, label]) => ({
      label: label(),
      checked: value === level,
      run: () => app.notifications.setLevel(id, value),
    })),
  ];
  if (channel.type !== "direct" && app.directory.may(id, "manageChannels"))
    items.push("separator", {
      label: m.channels_settings(),
      icon: "settings",
      run: () => openDialog("channelSettings", { channelId: id }),
    });
  return items;
}
