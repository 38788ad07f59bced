/**
 * `import sprite from "virtual:icon-sprite"`: the address of one SVG with a symbol per icon of icons.ts, so that
 * icons cost no JavaScript. A hashed file in a build, served from memory in development.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";
import { iconNames } from "../src/ui/parts/icons.ts";

const MODULE = "virtual:icon-sprite";
const RESOLVED = `\0${MODULE}`;
const DEV_PATH = "/icons.svg";

function symbol(name: string): string {
  const path = createRequire(import.meta.url).resolve(`lucide-static/icons/${name}.svg`);
  const svg = readFileSync(path, "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s*\n\s*/g, "")}</symbol>`;
}

function sprite(): string {
  return `<!-- Lucide icons, ISC licence --><svg xmlns="http://www.w3.org/2000/svg">${iconNames.map(symbol).join("")}</svg>`;
}

export function iconSprite(): Plugin {
  let building = false;
  return {
    name: "icon-sprite",
    configResolved: (config) => {
      building = config.command === "build";
    },
    resolveId: (id) => (id === MODULE ? RESOLVED : undefined),
    load(id) {
      if (id !== RESOLVED) return;
      if (!building) return `export default ${JSON.stringify(DEV_PATH)};`;
      const file = this.emitFile({ type: "asset", name: "icons.svg", source: sprite() });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
    configureServer(server) {
      server.middlewares.use(DEV_PATH, (_request, response) => {
        response.setHeader("Content-Type", "image/svg+xml").end(sprite());
      });
    },
  };
}
