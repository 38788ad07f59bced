/**
 * Content of a message to the nodes of `tree.ts`. What is not named here becomes text, as it was typed, so no
 * token can reach the page as markup.
 */
import type { Token, Tokens } from "marked";
import { lex } from "./lexer";
import { safeLink } from "./link";
import { isPlain } from "./plain";
import type { Block, Cell, Inline, ListItem } from "./tree";

/** A message deeper than that is no message; it stays text. */
const DEPTH_MAX = 12;
const CACHE_MAX = 600;

const cache = new Map<string, Block[]>();

export function parse(content: string): Block[] {
  const known = cache.get(content);
  if (known) return known;
  const parsed = blocksOf(content);
  if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value ?? "");
  cache.set(content, parsed);
  return parsed;
}

function blocksOf(content: string): Block[] {
  if (isPlain(content)) return verbatim(content);
  try {
    const parsed = blocks(lex(content), 0);
    return parsed.length > 0 ? parsed : verbatim(content);
  } catch {
    // The lexer gives up on some nonsense (nesting without end). What was typed is still readable.
    return verbatim(content);
  }
}

function verbatim(content: string): Block[] {
  return [{ kind: "paragraph", children: [{ kind: "text", text: content }] }];
}

function blocks(tokens: readonly Token[], depth: number): Block[] {
  return tokens.flatMap((token) => block(token, depth));
}

function block(token: Token, depth: number): Block[] {
  if (depth > DEPTH_MAX) return verbatim(token.raw);
  switch (token.type) {
    case "space":
    case "checkbox":
      return [];
    case "paragraph":
    case "text":
      return [{ kind: "paragraph", children: inlines(token.tokens ?? [textToken(token.raw)], depth + 1) }];
    case "heading": {
      const level = Math.min((token as Tokens.Heading).depth, 3) as 1 | 2 | 3;
      return [{ kind: "heading", level, children: inlines(token.tokens ?? [], depth + 1) }];
    }
    case "code": {
      const { lang, text } = token as Tokens.Code;
      return [{ kind: "code", language: lang?.split(/\s/)[0] ?? "", text }];
    }
    case "blockquote":
      return [{ kind: "quote", blocks: blocks(token.tokens ?? [], depth + 1) }];
    case "list":
      return [list(token as Tokens.List, depth)];
    case "table":
      return [table(token as Tokens.Table, depth)];
    case "hr":
      return [{ kind: "rule" }];
    default:
      return [{ kind: "paragraph", children: inlines([token], depth + 1) }];
  }
}

function list(token: Tokens.List, depth: number): Block {
  const items = token.items.map((item): ListItem => ({
    checked: item.task ? item.checked === true : null,
    blocks: blocks(item.tokens, depth + 1),
  }));
  return { kind: "list", ordered: token.ordered, start: Number(token.start) || 1, items };
}

function table(token: Tokens.Table, depth: number): Block {
  const cell = ({ align, tokens }: Tokens.TableCell): Cell => ({
    align: align === "center" ? "center" : align === "right" ? "end" : "start",
    children: inlines(tokens, depth + 1),
  });
  return { kind: "table", header: token.header.map(cell), rows: token.rows.map((row) => row.map(cell)) };
}

/** Neighbouring texts become one, so that a plain sentence is one text node. */
function inlines(tokens: readonly Token[], depth: number): Inline[] {
  const nodes: Inline[] = [];
  for (const token of tokens) {
    const node = inline(token, depth);
    const last = nodes.at(-1);
    if (node.kind === "text" && last?.kind === "text") last.text += node.text;
    else nodes.push(node);
  }
  return nodes;
}

function inline(token: Token, depth: number): Inline {
  const asTyped: Inline = { kind: "text", text: token.raw };
  if (depth > DEPTH_MAX) return asTyped;
  const inner = "tokens" in token ? token.tokens : undefined;
  const children = () => inlines(inner ?? [textToken(token.raw)], depth + 1);
  switch (token.type) {
    case "br":
      return { kind: "break" };
    case "strong":
      return { kind: "strong", children: children() };
    case "em":
      return { kind: "emphasis", children: children() };
    case "del":
      return { kind: "strike", children: children() };
    case "spoiler":
      return { kind: "spoiler", children: children() };
    case "codespan":
      return { kind: "code", text: (token as Tokens.Codespan).text };
    case "escape":
      return { kind: "text", text: (token as Tokens.Escape).text };
    case "text":
      return inner ? group(children(), asTyped) : { kind: "text", text: (token as Tokens.Text).text };
    case "link":
    case "image": {
      const href = safeLink((token as Tokens.Link).href);
      return href ? { kind: "link", href, children: linkText(token as Tokens.Link, depth) } : asTyped;
    }
    case "mention":
      return { kind: "mention", userId: String((token as Tokens.Generic).userId) };
    case "everyone":
      return { kind: "everyone" };
    case "shortcode":
      return { kind: "shortcode", name: String((token as Tokens.Generic).shortcode) };
    default:
      return asTyped;
  }
}

function group(children: Inline[], otherwise: Inline): Inline {
  return children.length === 1 && children[0] ? children[0] : otherwise;
}

/** An image is shown as a link to it: nothing is fetched from strangers. */
function linkText(token: Tokens.Link, depth: number): Inline[] {
  const children = inlines(token.tokens ?? [], depth + 1);
  return children.length > 0 ? children : [{ kind: "text", text: token.href }];
}

function textToken(raw: string): Tokens.Text {
  return { type: "text", raw, text: raw };
}
