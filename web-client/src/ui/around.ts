/**
 * What stands around the messages, as one chunk: the page's first script sends for it when the code that shows messages
 * has come, so that these come first.
 */
export { default as Composer } from "./composer/Composer.svelte";
export { default as Dialogs } from "./layout/Dialogs.svelte";
export { default as Shortcuts } from "./shortcuts/Shortcuts.svelte";
export { default as Sidebar } from "./sidebar/Sidebar.svelte";
