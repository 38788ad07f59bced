import { isolate } from "../../i18n/isolate";

/** What a message can contain. The components of this folder render exactly these nodes and nothing else. */
export type Inline =
  | { kind: "text"; text: string }
  | { kind: "break" }
  | { kind: "strong" | "emphasis" | "strike" | "spoiler"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "mention"; userId: string }
  | { kind: "everyone" }
  | { kind: "shortcode"; name: string };

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: 1 | 2 | 3; children: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: ListItem[] }
  | { kind: "table"; header: Cell[]; rows: Cell[][] }
  | { kind: "rule" };

export interface ListItem {
  /** Null when it is no task. */
  checked: boolean | null;
  blocks: Block[];
}

export interface Cell {
  align: "start" | "center" | "end";
  children: Inline[];
}

/** The visible text, for quotes, previews and screen readers. Spoilers stay hidden. */
export function plainText(blocks: readonly Block[], name: (userId: string) => string): string {
  return blocks.map((block) => blockText(block, name)).join(" ");
}

function blockText(block: Block, name: (userId: string) => string): string {
  switch (block.kind) {
    case "paragraph":
    case "heading":
      return inlineText(block.children, name);
    case "code":
      return block.text;
    case "quote":
      return plainText(block.blocks, name);
    case "list":
      return block.items.map((item) => plainText(item.blocks, name)).join(", ");
    case "table":
      return [block.header, ...block.rows]
        .map((row) => row.map((cell) => inlineText(cell.children, name)).join(" "))
        .join(", ");
    case "rule":
      return "";
  }
}

function inlineText(nodes: readonly Inline[], name: (userId: string) => string): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case "text":
        case "code":
          return node.text;
        case "break":
          return " ";
        case "spoiler":
          return "▒▒▒";
        case "mention":
          return isolate(`@${name(node.userId)}`);
        case "everyone":
          return "@everyone";
        case "shortcode":
          return `:${node.name}:`;
        default:
          return inlineText(node.children, name);
      }
    })
    .join("");
}
