import { expect, test } from "vitest";
import { linkSelection, markOfKey, toggleMark } from "./formatting";

function check(text: string, mark: string, expected: string) {
  const start = text.indexOf("[");
  const end = text.indexOf("]") - 1;
  const plain = text.replace(/[[\]]/g, "");
  const edit = toggleMark(plain, start, end, mark);
  const after = plain.slice(0, edit.start) + edit.insert + plain.slice(edit.end);
  const marked =
    after.slice(0, edit.selectionStart) +
    "[" +
    after.slice(edit.selectionStart, edit.selectionEnd) +
    "]" +
    after.slice(edit.selectionEnd);
  expect(marked).toBe(expected);
}

test("marks go around the selection and away again", () => {
  check("a [b] c", "**", "a **[b]** c");
  check("a **[b]** c", "**", "a [b] c");
  check("a [**b**] c", "**", "a [b] c");
  check("[]", "~~", "~~[]~~");
});

test("a pasted address links the marked words", () => {
  expect(linkSelection("see docs", 4, 8, "https://a.example")?.insert).toBe("[docs](https://a.example)");
  expect(linkSelection("see docs", 4, 4, "https://a.example")).toBeNull();
  expect(linkSelection("see docs", 4, 8, "docs")).toBeNull();
});

test("the keys of the marks", () => {
  expect(markOfKey("b", false)).toBe("**");
  expect(markOfKey("x", true)).toBe("~~");
  expect(markOfKey("x", false)).toBeNull();
  expect(markOfKey("b", true)).toBeNull();
});
