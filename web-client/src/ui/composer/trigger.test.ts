import { expect, test } from "vitest";
import { triggerAt, type Trigger } from "./trigger";

function check(text: string, expected: Trigger | null) {
  expect(triggerAt(text, text.length), text).toEqual(expected);
}

test("signs at the beginning of a word", () => {
  check("hi @ad", { kind: "person", query: "ad", start: 3 });
  check("@", { kind: "person", query: "", start: 0 });
  check("(#gen", { kind: "channel", query: "gen", start: 1 });
  check("/sh", { kind: "command", query: "sh", start: 0 });
});

test("what is no sign", () => {
  check("mail@ad", null);
  check("a /sh", null);
  check("@ada ", null);
  check("it is 12:30", null);
});

test("emoji need two letters, as smileys have one", () => {
  check(":s", null);
  check(":D", null);
  check(":-(", null);
  check(":smi", { kind: "emoji", query: "smi", start: 0 });
});

test("nothing is completed in code", () => {
  check("```\n@ad", null);
  check("```x```\n@ad", { kind: "person", query: "ad", start: 8 });
});
