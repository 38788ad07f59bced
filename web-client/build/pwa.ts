/**
 * The web app manifest, and the service worker: it keeps `index.html` and the hashed assets, so that the client
 * starts without a network, and leaves everything that is the server's alone.
 */
import type { VitePWAOptions } from "vite-plugin-pwa";

/** Paths that are never answered from the cache: above all polling would break if they were. */
const SERVER_PATHS = /^\/(api|socket\.io|admin|metrics|docs|healthz|readyz)([/?]|$)/;

export const pwa: Partial<VitePWAOptions> = {
  registerType: "prompt",
  // src/ui/update.ts does it: the policy of the page forbids inline scripts.
  injectRegister: false,
  includeManifestIcons: false,
  manifest: {
    id: "/",
    name: "VibeTalk",
    short_name: "VibeTalk",
    description: "Chat with your groups.",
    start_url: "/",
    display: "standalone",
    background_color: "#1a1917",
    theme_color: "#131211",
    categories: ["social", "productivity"],
    icons: [
      { src: "/favicon.svg", sizes: "any", type: "image/svg+xml" },
      { src: "/icons/192.png", sizes: "192x192", type: "image/png" },
      { src: "/icons/512.png", sizes: "512x512", type: "image/png" },
      { src: "/icons/maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
    ],
  },
  workbox: {
    globPatterns: ["index.html", "assets/**/*"],
    globIgnores: ["**/*.{br,gz,map}"],
    // Their names change with their content.
    dontCacheBustURLsMatching: /^assets\//,
    navigateFallback: "index.html",
    navigateFallbackDenylist: [SERVER_PATHS],
    cleanupOutdatedCaches: true,
    inlineWorkboxRuntime: true,
    sourcemap: false,
  },
};
