/**
 * The first script of the page, and a small one: it sends for what the visitor needs, all at once. `index.html` names
 * the start already (build/firstView.ts); what comes with it depends on whether somebody is signed in.
 */
import { openAhead } from "./protocol/ahead";
import { asSession, parseStored, SESSION_KEY } from "./protocol/session";

if (isSignedIn()) openAhead(localStorage);
void import("./protocol/here");
void import("./start");
if (isSignedIn()) void import("./ui/layout/Layout.svelte").then(() => import("./ui/around"));
else void import("./ui/auth/AuthPage.svelte");
(globalThis.requestIdleCallback ?? setTimeout)(warmUp);

/** The first formatter of a page takes up to 100 ms: now the line is waited for, later the reader would wait. */
function warmUp(): void {
  new Intl.DateTimeFormat(navigator.language, { timeStyle: "short" }).format();
}

/** Decides what is fetched first; whether the session still counts is the server's to say. */
function isSignedIn(): boolean {
  try {
    return asSession(parseStored(localStorage.getItem(`vibetalk:${SESSION_KEY}`))) !== null;
  } catch {
    return false; // Storage is blocked.
  }
}
