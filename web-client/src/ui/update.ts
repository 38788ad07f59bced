/**
 * Registers the service worker, which keeps the files of the client for starting without a network, and offers the
 * new version when there is one. Only in builds: in development there is none.
 */
import { m } from "../i18n";
import { toasts } from "./parts/toasts.svelte";

const WORKER = "/sw.js";
/** How often a page that stays open asks for a new version. */
const ASK_EVERY_MS = 60 * 60 * 1000;

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): {
    createScriptURL(url: string): string;
  };
}

/** The policy of the page allows the address of a worker from here only, and only this one. */
function workerAddress(): string {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("vibetalk-worker", {
    createScriptURL: (url) => {
      if (url !== WORKER) throw new TypeError("not the service worker");
      return url;
    },
  });
  return policy ? policy.createScriptURL(WORKER) : WORKER;
}

function offer(waiting: ServiceWorker): void {
  toasts.show({
    text: m.update_ready(),
    durationMs: 0,
    action: { label: m.update_reload(), run: () => waiting.postMessage({ type: "SKIP_WAITING" }) },
  });
}

let watching = false;

/** Once: the worker fetches all files of the client, so it comes after what the first view needs. */
export async function watchForUpdates(): Promise<void> {
  if (watching || !import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  watching = true;
  const container = navigator.serviceWorker;
  // The first visit has no older version to replace.
  const hadWorker = container.controller !== null;
  try {
    const registration = await container.register(workerAddress());
    if (registration.waiting && hadWorker) offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const installing = registration.installing;
      installing?.addEventListener("statechange", () => {
        if (installing.state === "installed" && container.controller) offer(installing);
      });
    });
    container.addEventListener("controllerchange", () => hadWorker && location.reload());
    setInterval(() => registration.update().catch(() => {}), ASK_EVERY_MS);
  } catch (error) {
    // Blocked, or a private window: everything but starting offline works.
    console.warn("no service worker", error);
  }
}
