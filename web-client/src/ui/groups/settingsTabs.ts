/** Which parts of a group's settings the reader has. Inviting and leaving alone are in the group's menu already. */
import type { Group } from "../../protocol/contract";
import { app } from "../../state/app.svelte";
import type { SettingsTab } from "./open";

export function settingsTabs(group: Group): SettingsTab[] {
  const may = app.directory.mayInGroup.bind(app.directory, group.id);
  const tabs: SettingsTab[] = [];
  if (may("manageGroup")) tabs.push("overview");
  if (may("manageChannels")) tabs.push("channels");
  if (may("manageMembers")) tabs.push("members");
  if (may("invite") && !group.official) tabs.push("invites");
  if (may("manageMembers")) tabs.push("bans");
  if (!group.official) tabs.push("danger");
  return tabs;
}

export function hasSettings(group: Group): boolean {
  return settingsTabs(group).some((tab) => tab !== "invites" && tab !== "danger");
}
