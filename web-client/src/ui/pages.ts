/** The two large pieces: which of them a visitor needs depends on whether somebody is signed in. */
import { composer, sidebar } from "./later";
import { Lazy } from "./lazy.svelte";

/** From the navigation until the code is here, on a fast line: then nobody shall see how the page is put together. */
const QUICK_START_MS = 1500;
/** What comes right after is waited for this long. */
const TOGETHER_MS = 100;

export const isQuickStart = () => performance.now() < QUICK_START_MS;

export const authPage = new Lazy<Record<string, never>>(() => import("./auth/AuthPage.svelte"));
export const layout = new Lazy<Record<string, never>>(async () => {
  const page = await import("./layout/Layout.svelte");
  const rest = Promise.all([sidebar.load().done, composer.load().done]);
  if (isQuickStart()) await Promise.race([rest, new Promise((wait) => setTimeout(wait, TOGETHER_MS))]);
  return page;
});
