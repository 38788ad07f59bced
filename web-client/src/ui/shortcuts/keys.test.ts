import { expect, test } from "vitest";
import { keyCaps, matches, type KeyPress } from "./keys";

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: "",
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

test("Mod is control, and the command key on Apple's", () => {
  expect(matches("Mod+K", press("k", { ctrlKey: true }), false)).toBe(true);
  expect(matches("Mod+K", press("k", { metaKey: true }), true)).toBe(true);
  expect(matches("Mod+K", press("k", { metaKey: true }), false)).toBe(false);
  expect(matches("Mod+K", press("k"), false)).toBe(false);
});

test("every modifier counts", () => {
  const up = { altKey: true };
  expect(matches("Alt+ArrowUp", press("ArrowUp", up), false)).toBe(true);
  expect(matches("Alt+ArrowUp", press("ArrowUp", { ...up, shiftKey: true }), false)).toBe(false);
  expect(matches("Alt+Shift+ArrowUp", press("ArrowUp", { ...up, shiftKey: true }), false)).toBe(true);
  expect(matches("Escape", press("Escape", { shiftKey: true }), false)).toBe(false);
});

test("letters work on a layout without them", () => {
  expect(matches("Mod+K", press("ن", { code: "KeyK", ctrlKey: true }), false)).toBe(true);
  // Dvorak: the key at the place of K says t.
  expect(matches("Mod+K", press("t", { code: "KeyK", ctrlKey: true }), false)).toBe(false);
});

test("the question mark needs shift on some layouts", () => {
  expect(matches("?", press("?", { shiftKey: true }), false)).toBe(true);
  expect(matches("?", press("؟", { shiftKey: true }), false)).toBe(false);
});

test("caps are those of the system", () => {
  expect(keyCaps("Mod+K", false)).toEqual(["Ctrl", "K"]);
  expect(keyCaps("Alt+Shift+ArrowUp", true)).toEqual(["⌥", "⇧", "↑"]);
  expect(keyCaps("+", false)).toEqual(["+"]);
});
