import { expect, test } from "vitest";
import { addToken, toDisplay, tokenBefore, toWire, type Tokens } from "./tokens";

const LINKS = /https:\/\/v\.example\/c\/\d+/g;
const NAMES: Record<string, string> = {
  "<@1>": "@Ada",
  "<@2>": "@Ada Lovelace",
  "<@3>": "@Ada",
  "https://v.example/c/9": "#general",
};
const label = (form: string) => NAMES[form] ?? null;

function check(wire: string, display: string) {
  const tokens: Tokens = new Map();
  expect(toDisplay(wire, tokens, label, LINKS)).toBe(display);
  expect(toWire(display, tokens)).toBe(wire);
}

test("drafts are shown with names and sent with ids", () => {
  check("hi <@1>, see https://v.example/c/9", "hi @Ada, see #general");
  check("<@2><@1>", "@Ada Lovelace@Ada");
  check("<@77> is nobody we know", "<@77> is nobody we know");
  check("nothing", "nothing");
});

test("two people of one name stay two people", () => check("<@1> and <@3>", "@Ada and @Ada·2"));

test("a token that was changed by hand is text", () => {
  const tokens: Tokens = new Map();
  addToken(tokens, "<@1>", "@Ada");
  expect(toWire("@Adam @Ad @Ada!", tokens)).toBe("@Adam @Ad <@1>!");
});

test("a name does not turn round what is written around it", () => {
  const tokens: Tokens = new Map();
  expect(addToken(tokens, "<@5>", "@Eve\u202e")).toBe("@Eve");
  expect(addToken(tokens, "<@6>", "@\u2067Eve")).toBe("@Eve·2");
  expect(toWire("a @Eve·2 @Eve b", tokens)).toBe("a <@6> <@5> b");
});

test("a name of nothing that is seen is shown as it is sent", () => {
  const tokens: Tokens = new Map();
  expect(addToken(tokens, "<@7>", "@\u202e")).toBe("<@7>");
  expect(toWire("a @ b <@7>", tokens)).toBe("a @ b <@7>");
});

test("names are no patterns", () => {
  const tokens: Tokens = new Map();
  addToken(tokens, "<@4>", "@(.*)|x");
  expect(toWire("a @(.*)|x b", tokens)).toBe("a <@4> b");
});

test("a token is deleted as a whole", () => {
  const tokens: Tokens = new Map([
    ["<@1>", "@Ada"],
    ["<@2>", "@Ada Lovelace"],
  ]);
  expect(tokenBefore("hi @Ada Lovelace", 16, tokens)).toBe("@Ada Lovelace");
  expect(tokenBefore("hi @Ada x", 7, tokens)).toBe("@Ada");
  expect(tokenBefore("hi @Ada x", 9, tokens)).toBeNull();
});
