/** The small parts of `later.ts`, which come as one chunk. */
export { default as ComposerNotes } from "./composer/ComposerNotes.svelte";
export { default as SuggestionList } from "./composer/SuggestionList.svelte";
export { default as EmojiPopover } from "./emoji/EmojiPopover.svelte";
export { default as Drawer } from "./layout/Drawer.svelte";
export { default as MessageOverlays } from "./messages/MessageOverlays.svelte";
export { default as ConfirmDialog } from "./parts/ConfirmDialog.svelte";
export { default as Menu } from "./parts/Menu.svelte";
export { default as Popover } from "./parts/Popover.svelte";
export { default as PinsPopover } from "./pins/PinsPopover.svelte";
export { default as ChannelMenu } from "./sidebar/ChannelMenu.svelte";
export { default as GroupMenu } from "./sidebar/GroupMenu.svelte";
export { default as StatusPopover } from "./sidebar/StatusPopover.svelte";
export { default as ReactorsHint } from "./timeline/ReactorsHint.svelte";
