/**
 * Every value in a message of the catalogue is isolated (src/i18n/isolate.ts), in the code that the catalogue is compiled
 * to: no message can be written, and no caller can be, that lets a name turn its sentence round. The `#` before a
 * channel's name belongs to it.
 */
import type { Plugin } from "vite";

const MESSAGES = /\/i18n\/generated\/messages\/[^/]+\.js$/;
const VALUE = /(#?)\$\{(i\?\.\w+)\}/g;

export function isolates(): Plugin {
  return {
    name: "isolates",
    transform(code, id) {
      if (!MESSAGES.test(id) || !code.includes("${i?.")) return;
      const isolated = code.replace(VALUE, (_, mark: string, value: string) =>
        mark ? `\${isolate("${mark}" + ${value})}` : `\${isolate(${value})}`,
      );
      return { code: `import { isolate } from "../../isolate.ts";\n${isolated}`, map: null };
    },
  };
}
