/**
 * Colours for code, as a chunk of its own that is loaded with the first code block. Gives spans, not markup:
 * the tree that highlight.js builds is rendered by `CodeBlock.svelte`.
 */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";

const LANGUAGES = {
  bash,
  c,
  css,
  go,
  java,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

export interface Span {
  /** One of highlight.js' scopes (`keyword`, `string`), empty for none. */
  scope: string;
  text: string;
}

interface Node {
  scope?: string;
  children: (Node | string)[];
}

/** Null if the language is not one of ours. */
export function highlight(code: string, language: string): Span[] | null {
  if (!hljs.getLanguage(language)) return null;
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  const root = (result._emitter as unknown as { rootNode: Node }).rootNode;
  return spans(root, "");
}

function spans(node: Node, inherited: string): Span[] {
  const scope = node.scope?.split(".")[0] ?? inherited;
  return node.children.flatMap((child) =>
    typeof child === "string" ? [{ scope, text: child }] : spans(child, scope),
  );
}
