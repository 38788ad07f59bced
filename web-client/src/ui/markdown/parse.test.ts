import { expect, test } from "vitest";
import { channelLink, safeLink } from "./link";
import { parse } from "./parse";
import { isOnlyEmoji, isPlain } from "./plain";
import { lex } from "./lexer";
import { plainText, type Block, type Inline } from "./tree";

const paragraph = (...children: Inline[]): Block => ({ kind: "paragraph", children });
const text = (value: string): Inline => ({ kind: "text", text: value });

function check(content: string, ...blocks: Block[]) {
  expect(parse(content), content).toEqual(blocks);
}

test("what was typed is what is shown", () => {
  check("hello", paragraph(text("hello")));
  check("a &amp; b <script>", paragraph(text("a &amp; b <script>")));
  check("<b>x</b>\n\n<i", paragraph(text("<b>x</b>")), paragraph(text("<i")));
  check("    indented", paragraph(text("    indented")));
  check("one\n---\ntwo", paragraph(text("one")), { kind: "rule" }, paragraph(text("two")));
  check("[x]: https://a.example", paragraph(text("[x]: "), link("https://a.example")));
  check("two\nlines", paragraph(text("two"), { kind: "break" }, text("lines")));
  check("   ", paragraph(text("   ")));
  check("<!-- gone? -->", paragraph(text("<!-- gone? -->")));
});

test("chat's own words become nodes", () => {
  check("hi <@12>!", paragraph(text("hi "), { kind: "mention", userId: "12" }, text("!")));
  check("**<@12>**", paragraph({ kind: "strong", children: [{ kind: "mention", userId: "12" }] }));
  check("@everyone", paragraph({ kind: "everyone" }));
  check("@everyones", paragraph(text("@everyones")));
  check(
    "||it **was** him||",
    paragraph({ kind: "spoiler", children: [text("it "), strong("was"), text(" him")] }),
  );
  check(":wave: 12:30:45", paragraph({ kind: "shortcode", name: "wave" }, text(" 12:30:45")));
  check("`<@12> :wave:`", paragraph({ kind: "code", text: "<@12> :wave:" }));
});

test("blocks", () => {
  check("```rust\nfn main() {}\n```", { kind: "code", language: "rust", text: "fn main() {}" });
  check("> quoted", { kind: "quote", blocks: [paragraph(text("quoted"))] });
  check("# Title", { kind: "heading", level: 1, children: [text("Title")] });
  check("#channel", paragraph(text("#channel")));
  check("3. c", {
    kind: "list",
    ordered: true,
    start: 3,
    items: [{ checked: null, blocks: [paragraph(text("c"))] }],
  });
  check("- [x] done", {
    kind: "list",
    ordered: false,
    start: 1,
    items: [{ checked: true, blocks: [paragraph(text("done"))] }],
  });
});

test("links lead to http and mail only, images are links", () => {
  check("https://a.example/x", paragraph(link("https://a.example/x")));
  check("[t](javascript:alert(1))", paragraph(text("[t](javascript:alert(1))")));
  check("[t](/admin)", paragraph(text("[t](/admin)")));
  check(
    "![cat](https://a.example/c.png)",
    paragraph({
      kind: "link",
      href: "https://a.example/c.png",
      children: [text("cat")],
    }),
  );
  expect(safeLink("data:text/html,x")).toBeNull();
  expect(safeLink("java\nscript:alert(1)")).toBeNull();
  expect(safeLink("MAILTO:a@b.example")).toBe("mailto:a@b.example");
});

test("links of this server name channels", () => {
  expect(channelLink("https://v.example/c/12/34", "https://v.example")).toEqual({
    channelId: "12",
    messageId: "34",
  });
  expect(channelLink("https://v.example/c/12", "https://v.example")).toEqual({ channelId: "12" });
  expect(channelLink("https://v.example.evil/c/12", "https://v.example")).toBeNull();
  expect(channelLink("https://v.example/c/12?x", "https://v.example")).toBeNull();
});

test("only a few emoji are large", () => {
  expect(isOnlyEmoji("👍")).toBe(true);
  expect(isOnlyEmoji("👩‍👩‍👧 ❤️")).toBe(true);
  expect(isOnlyEmoji("ok 👍")).toBe(false);
  expect(isOnlyEmoji("12")).toBe(false);
  expect(isOnlyEmoji("👍".repeat(9))).toBe(false);
});

test("nonsense stays readable", () => {
  for (const content of [
    ">".repeat(4000),
    "[".repeat(4000),
    "**".repeat(2000),
    "- ".repeat(2000),
    "||".repeat(2000),
  ]) {
    expect(plainText(parse(content), String).length, content.slice(0, 9)).toBeLessThanOrEqual(4000);
  }
});

test("previews show names and hide spoilers", () => {
  const preview = plainText(parse("**hi** <@12> ||secret||\n> q"), () => "Ada");
  expect(preview).toBe("hi \u2068@Ada\u2069 ▒▒▒ q");
});

function link(href: string): Inline {
  return { kind: "link", href: new URL(href).href, children: [text(href)] };
}

function strong(value: string): Inline {
  return { kind: "strong", children: [text(value)] };
}

test("a plain sentence is what the lexer would make of it", () => {
  const sentences = [
    "hello",
    "note: at 12:30, room #4 & so on",
    "me @ home",
    "50 % (or 1 - 2) = x",
    "a.b, c!",
    "😀 ok",
  ];
  for (const sentence of sentences) {
    expect(isPlain(sentence), sentence).toBe(true);
    expect(
      lex(sentence).map(({ type, raw }) => [type, raw]),
      sentence,
    ).toEqual([["paragraph", sentence]]);
    const [block] = lex(sentence);
    expect((block as { tokens: { type: string }[] }).tokens.map(({ type }) => type)).toEqual(["text"]);
  }
  const marked = [
    "*a*",
    "see https://a.example",
    "www.a.example",
    "a@b.example",
    "@everyone",
    ":wave:",
    "# t",
    "- a",
    "1. a",
    "a\nb",
    "<@1>",
  ];
  for (const content of marked) expect(isPlain(content), content).toBe(false);
});
