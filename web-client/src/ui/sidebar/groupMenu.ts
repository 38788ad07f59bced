/** The menu of a group. What the reader may never do is left out; what cannot be done now says why. */
import { m } from "../../i18n";
import type { Group } from "../../protocol/contract";
import { app } from "../../state/app.svelte";
import { attempt } from "../groups/attempt";
import { openDialog } from "../groups/open";
import { hasSettings } from "../groups/settingsTabs";
import type { MenuEntry } from "../parts/menu";

export function groupMenu(group: Group): MenuEntry[] {
  const groupId = group.id;
  const may = app.directory.mayInGroup.bind(app.directory, groupId);
  const items: MenuEntry[] = [];
  if (may("invite") && !group.official)
    items.push({
      label: m.group_menu_invite(),
      icon: "user-plus",
      run: () => openDialog("invite", { groupId }),
    });
  items.push({
    label: m.channels_mark_group_read(),
    icon: "check-check",
    disabled: !app.unread.groupHas(groupId),
    run: () => attempt(markGroupRead(groupId)),
  });
  if (may("manageChannels"))
    items.push({
      label: m.channels_create(),
      icon: "plus",
      run: () => openDialog("createChannel", { groupId }),
    });
  if (hasSettings(group))
    items.push({
      label: m.group_menu_settings(),
      icon: "settings",
      run: () => openDialog("groupSettings", { groupId }),
    });
  if (group.official) return items;
  const owned = group.ownerId === app.me.id;
  items.push("separator", {
    label: m.group_menu_leave(),
    icon: "log-out",
    danger: true,
    disabled: owned,
    hint: owned ? m.group_menu_leave_owner() : undefined,
    run: () => openDialog("leaveGroup", { groupId }),
  });
  return items;
}

async function markGroupRead(groupId: string): Promise<void> {
  const waiting = app.directory.channelsOf(groupId).filter((channel) => app.unread.has(channel.id));
  await Promise.all(waiting.map((channel) => app.unread.markRead(channel.id)));
}
