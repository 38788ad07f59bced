/** The large pieces, each in its own chunk: what a visitor needs first depends on whether somebody is signed in. */
import { Lazy } from "./lazy.svelte";

export const authPage = new Lazy<Record<string, never>>(() => import("./auth/AuthPage.svelte"));
export const layout = new Lazy<Record<string, never>>(() => import("./layout/Layout.svelte"));
export const channelView = new Lazy<{ channelId: string }>(() => import("./timeline/ChannelView.svelte"));
