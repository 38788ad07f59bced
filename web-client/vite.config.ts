import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";
import { firstView, groups } from "./build/firstView.ts";
import { iconSprite } from "./build/iconSprite.ts";
import { pwa } from "./build/pwa.ts";
import { emojiAsset } from "./build/emoji.ts";
import { isolates } from "./build/isolates.ts";

/** `npm run dev` serves the client by itself and passes the rest on to a running server. */
const SERVER = process.env.VIBETALK_URL ?? "http://127.0.0.1:3000";
/** The same variable as the server's, for one that has another path. */
const SOCKET_PATH = process.env.VIBETALK_GATEWAY__PATH ?? "/socket.io";

export default defineConfig({
  plugins: [
    paraglideVitePlugin({
      project: "./project.inlang",
      outdir: "./src/i18n/generated",
      strategy: ["localStorage", "preferredLanguage", "baseLocale"],
      emitTsDeclarations: true,
    }),
    isolates(),
    svelte(),
    firstView(),
    iconSprite(),
    VitePWA(pwa),
    emojiAsset(),
  ],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { pluginTimings: false },
      output: { codeSplitting: { groups } },
    },
  },
  server: {
    proxy: { "/api": SERVER, [SOCKET_PATH]: { target: SERVER, ws: true } },
  },
  // Without it, Svelte's code for servers would be tested.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: { include: ["src/**/*.test.ts"], environment: "happy-dom" },
});
