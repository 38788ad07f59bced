/**
 * Opens a dialog of this folder or of `people/`. Each is its own chunk, loaded at its first use, and lives in
 * the body until it is closed, so it works whichever pane is in sight. It says so if it cannot be loaded.
 */
import { mount, unmount, type Component } from "svelte";
import type { Channel, Group, Member } from "../../protocol/contract";
import { toasts } from "../parts/toasts.svelte";

/** What each dialog is told, besides `onclose`. */
export interface DialogProps {
  addGroup: { join?: boolean };
  invite: { groupId: Group["id"] };
  createChannel: { groupId: Group["id"] };
  channelSettings: { channelId: Channel["id"] };
  groupSettings: { groupId: Group["id"]; tab?: SettingsTab };
  leaveGroup: { groupId: Group["id"] };
  deleteGroup: { groupId: Group["id"] };
  deleteChannel: { channelId: Channel["id"] };
  moderate: { member: Member; action: "remove" | "ban" | "makeAdmin" };
  nickname: { member: Member };
  newDirect: { userIds?: string[] };
}

export type SettingsTab = "overview" | "channels" | "members" | "invites" | "bans" | "danger";

type Loader<Props> = () => Promise<{ default: Component<Props & { onclose: () => void }> }>;

const loaders: { [Name in keyof DialogProps]: Loader<DialogProps[Name]> } = {
  addGroup: () => import("./AddGroupDialog.svelte"),
  invite: () => import("./InviteDialog.svelte"),
  createChannel: () => import("./CreateChannelDialog.svelte"),
  channelSettings: () => import("./ChannelSettingsDialog.svelte"),
  groupSettings: () => import("./GroupSettingsDialog.svelte"),
  leaveGroup: () => import("./LeaveGroupDialog.svelte"),
  deleteGroup: () => import("./DeleteGroupDialog.svelte"),
  deleteChannel: () => import("./DeleteChannelDialog.svelte"),
  moderate: () => import("../members/ModerateDialog.svelte"),
  nickname: () => import("../members/NicknameDialog.svelte"),
  newDirect: () => import("../people/NewDirectDialog.svelte"),
};

export async function openDialog<Name extends keyof DialogProps>(
  name: Name,
  props: DialogProps[Name],
): Promise<void> {
  try {
    const { default: component } = await loaders[name]();
    const dialog = mount(component, {
      target: document.body,
      props: { ...props, onclose: () => void unmount(dialog) },
    });
  } catch (error) {
    toasts.failure(error);
  }
}
