/**
 * Names in `index.html` what `src/start.ts` consists of, so that it is fetched with the page's first script and not
 * after it. (Vite does this for static imports; the start is imported dynamically to keep the first script small.)
 */
import type { HtmlTagDescriptor, Plugin, Rolldown } from "vite";

/** With what the sign-in page and the chat share: either would wait for all of the other. */
const SHARED =
  /\/src\/(start\.ts|ui\/parts\/(Avatar|IconButton|Later)\.svelte|i18n\/generated\/messages\/app_name\.js)$/;

/** One file each, with all that it imports, instead of one for whatever two others share: a file costs a request. */
export const groups: Rolldown.CodeSplittingGroup[] = [
  // The first script, with what the bundler adds to every other.
  { name: "boot", test: /preload-helper|\/src\/(main|protocol\/(ahead|session))\.ts$/, priority: 7 },
  // Small, as files share the line: it asks for the messages while the others are still on their way.
  { name: "protocol", test: /\/src\/protocol\/here\.ts$/, priority: 5 },
  { name: "start", test: SHARED, priority: 4 },
  // Of the sign-in page and of dialogs.
  { name: "field", test: /\/src\/ui\/parts\/Field\.svelte$/, priority: 3 },
  { name: "chat", test: /\/src\/ui\/layout\/Layout\.svelte$/, priority: 2 },
  { name: "around", test: /\/src\/ui\/around\.ts$/, priority: 1.5 },
  { name: "soon", test: /\/src\/ui\/soon\.ts$/, priority: 1 },
];

const START = /\/src\/start\.ts$/;

export function firstView(): Plugin {
  return {
    name: "first-view",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        if (!bundle) return [];
        const chunks = Object.values(bundle).filter((output) => output.type === "chunk");
        const start = chunks.find(({ moduleIds }) => moduleIds.some((id) => START.test(id)));
        if (!start) throw new Error("the build has no chunk of src/start.ts");
        const parts = withImports(start, bundle);
        const styles = new Set(parts.flatMap((chunk) => [...(chunk.viteMetadata?.importedCss ?? [])]));
        return [
          ...[...styles].map((file) => tag({ rel: "stylesheet", href: `/${file}` })),
          ...parts.map(({ fileName }) => tag({ rel: "modulepreload", href: `/${fileName}` })),
        ].filter(({ attrs }) => !html.includes(`"${attrs?.href}"`));
      },
    },
  };
}

/** What is imported comes first, as its styles have to. */
function withImports(chunk: Rolldown.OutputChunk, bundle: Rolldown.OutputBundle): Rolldown.OutputChunk[] {
  const found = new Set<Rolldown.OutputChunk>();
  const visit = (one: Rolldown.OutputChunk) => {
    if (found.has(one)) return;
    for (const name of one.imports) {
      const imported = bundle[name];
      if (imported?.type === "chunk") visit(imported);
    }
    found.add(one);
  };
  visit(chunk);
  return [...found];
}

function tag(attributes: Record<string, string>): HtmlTagDescriptor {
  return { tag: "link", attrs: { ...attributes, crossorigin: true }, injectTo: "head" };
}
