/**
 * What the first view of a channel can do without, shown by `parts/Later.svelte`. `fetchAhead` brings it once that view
 * is there, so that a menu then opens as if it had been there from the start.
 */
import { Lazy } from "./lazy.svelte";

const around = () => import("./around");
const soon = () => import("./soon");

export const sidebar = new Lazy<Record<never, never>>(async () => ({ default: (await around()).Sidebar }));
export const composer = new Lazy(async () => ({ default: (await around()).Composer }));
export const dialogs = new Lazy<Record<never, never>>(async () => ({ default: (await around()).Dialogs }));
export const shortcuts = new Lazy<Record<never, never>>(async () => ({
  default: (await around()).Shortcuts,
}));

export const menu = new Lazy(async () => ({ default: (await soon()).Menu }));
export const popover = new Lazy(async () => ({ default: (await soon()).Popover }));
export const channelMenu = new Lazy(async () => ({ default: (await soon()).ChannelMenu }));
export const groupMenu = new Lazy(async () => ({ default: (await soon()).GroupMenu }));
export const messageOverlays = new Lazy(async () => ({ default: (await soon()).MessageOverlays }));
export const emojiPopover = new Lazy(async () => ({ default: (await soon()).EmojiPopover }));
export const pinsPopover = new Lazy(async () => ({ default: (await soon()).PinsPopover }));
export const statusPopover = new Lazy(async () => ({ default: (await soon()).StatusPopover }));
export const reactorsHint = new Lazy(async () => ({ default: (await soon()).ReactorsHint }));
export const confirmDialog = new Lazy(async () => ({ default: (await soon()).ConfirmDialog }));
export const composerNotes = new Lazy(async () => ({ default: (await soon()).ComposerNotes }));
export const suggestionList = new Lazy(async () => ({ default: (await soon()).SuggestionList }));
export const drawer = new Lazy(async () => ({ default: (await soon()).Drawer }));
export const memberList = new Lazy(() => import("./members/MemberList.svelte"));
export const homePage = new Lazy<Record<never, never>>(() => import("./home/HomePage.svelte"));
export const firstRun = new Lazy<Record<never, never>>(() => import("./home/FirstRun.svelte"));
export const invitePage = new Lazy(() => import("./groups/InvitePage.svelte"));

export function fetchAhead(): void {
  const floating = [popover, menu, channelMenu, groupMenu, messageOverlays, emojiPopover, pinsPopover];
  for (const part of [
    ...floating,
    statusPopover,
    reactorsHint,
    confirmDialog,
    composerNotes,
    suggestionList,
    drawer,
    memberList,
  ])
    part.load();
}
