/** The two large pieces: which of them a visitor needs depends on whether somebody is signed in. */
import { Lazy } from "./lazy.svelte";

export const authPage = new Lazy<Record<string, never>>(() => import("./auth/AuthPage.svelte"));
export const layout = new Lazy<Record<string, never>>(() => import("./layout/Layout.svelte"));
