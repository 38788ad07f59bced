/**
 * The first script of the page, and a small one: it sends for what the visitor needs, all at once. `index.html` names
 * the start already (build/firstView.ts); what comes with it depends on whether somebody is signed in.
 */
import { openAhead } from "./protocol/ahead";

if (isSignedIn()) openAhead(localStorage);
void import("./protocol/here");
void import("./start");
void (isSignedIn() ? import("./ui/layout/Layout.svelte") : import("./ui/auth/AuthPage.svelte"));

/** A guess that only decides what is fetched first, so that it needs nothing but the storage (protocol/tokens.ts). */
function isSignedIn(): boolean {
  try {
    return localStorage.getItem("vibetalk:session")?.includes('"refreshToken"') ?? false;
  } catch {
    return false; // Storage is blocked.
  }
}
