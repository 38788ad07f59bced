import { render } from "@testing-library/svelte";
import { beforeAll, expect, test, vi } from "vitest";
import Markdown from "./Markdown.svelte";
import { marked } from "./marked.svelte";

vi.mock("../../state/app.svelte", () => ({
  app: {
    me: { id: "1" },
    people: {
      user: (id: string) => ({ id, username: "ada" }),
      displayName: () => "<b>Ada</b>",
    },
    directory: { channel: () => undefined },
  },
}));
vi.mock("../emoji/data", () => ({ loadEmoji: () => new Promise(() => {}) }));
vi.mock("virtual:icon-sprite", () => ({ default: "/icons.svg" }));

beforeAll(() => vi.waitFor(() => expect(marked()).not.toBeNull(), { timeout: 30_000 }), 30_000);

/** What the components of this folder make; anything else came from a message. */
const ELEMENTS = new Set(
  "DIV P BR STRONG EM S CODE PRE SPAN A BDI BUTTON SVG USE BLOCKQUOTE OL UL LI TABLE THEAD TBODY TR TH TD HR".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(
  "class dir href target rel title start scope tabindex role type inert style name data-level data-align data-scope data-user aria-label aria-hidden".split(
    " ",
  ),
);

const FRAGMENTS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<a href='javascript:alert(1)'>x</a>",
  "[x](javascript:alert(1))",
  "[x](<data:text/html,<script>>)",
  '![x](https://a.example/x.png "onload=x")',
  '<https://a.example/"onclick=x>',
  "<svg/onload=alert(1)>",
  "<!-- x -->",
  "&lt;script&gt;",
  "<@1>",
  "@everyone",
  "||<b>x</b>||",
  ":<i>:",
  "`<b>`",
  "```html\n<script>\n```",
  "**",
  "_",
  "~~",
  "> ",
  "- [x] ",
  "1. ",
  "# ",
  "\n",
  "\n\n",
  "| a | b |\n|---|---|\n| <b> | [x](vbscript:x) |\n",
  "[x]: javascript:alert(1)\n[x]",
  "www.a.example",
  "a@b.example",
];

/** Deterministic, so that a failure can be repeated. */
function* contents(count: number): Generator<string> {
  let state = 7;
  const next = (below: number) => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  yield* FRAGMENTS;
  for (let index = 0; index < count; index++) {
    yield Array.from({ length: 1 + next(7) }, () => FRAGMENTS[next(FRAGMENTS.length)]).join(
      ["", " "][next(2)],
    );
  }
}

/** What is in the page that is not ours. */
function foreign(container: Element): string[] {
  const elements = [...container.querySelectorAll("*")];
  const attributes = elements.flatMap((element) => element.getAttributeNames());
  const links = [...container.querySelectorAll("a")];
  return [
    ...elements.map((element) => element.tagName.toUpperCase()).filter((name) => !ELEMENTS.has(name)),
    ...attributes.filter((name) => !ATTRIBUTES.has(name)),
    ...links.map((link) => link.getAttribute("href") ?? "").filter((href) => !/^(https?|mailto):/.test(href)),
    ...links.map((link) => link.rel).filter((rel) => rel !== "noopener noreferrer nofollow"),
  ];
}

test("whatever is typed, only our own elements, attributes and addresses reach the page", () => {
  for (const content of contents(150)) {
    const { container, unmount } = render(Markdown, { content });
    expect(foreign(container), content).toEqual([]);
    unmount();
  }
}, 30_000);

test("HTML is shown as it was typed, also in names", () => {
  const { container } = render(Markdown, { content: "<b>bold?</b> <@7>" });
  expect(container.textContent?.trim()).toBe("<b>bold?</b> @<b>Ada</b>");
});
