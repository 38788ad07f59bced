import { expect, test } from "vitest";
import { isolate } from "./isolate";

function check(value: unknown, shown: string): void {
  expect(isolate(value)).toBe(shown);
}

test("text is a unit with a direction of its own", () => {
  check("Ada", "\u2068Ada\u2069");
  check("דנה", "\u2068דנה\u2069");
  check("Eve\u202E", "\u2068Eve\u202E\u2069");
});

test("numbers and nothing need none", () => {
  check(3, "3");
  check("", "");
});

test("text cannot end its isolate", () => {
  check("Eve\u2069\u202E", "\u2068Eve\u202E\u2069");
  check("Eve\u2067", "\u2068Eve\u2067\u2069\u2069");
  check("Eve\u2028\u202Eevil\n", "\u2068Eve \u202Eevil \u2069");
});

test("what is isolated already stays so", () => {
  check("\u2068Ada\u2069, \u2068דנה\u2069", "\u2068\u2068Ada\u2069, \u2068דנה\u2069\u2069");
});
