import { expect, test } from "vitest";
import { nextIndex } from "./menu";

const items = [true, false, true, false, false];

test("arrows skip what is disabled and go round", () => {
  expect(nextIndex("ArrowDown", 1, items)).toBe(3);
  expect(nextIndex("ArrowDown", 4, items)).toBe(1);
  expect(nextIndex("ArrowUp", 1, items)).toBe(4);
});

test("without a focused item the arrows begin at the ends", () => {
  expect(nextIndex("ArrowDown", -1, items)).toBe(1);
  expect(nextIndex("ArrowUp", -1, items)).toBe(4);
});

test("Home and End lead to the outermost enabled items", () => {
  expect(nextIndex("Home", 3, items)).toBe(1);
  expect(nextIndex("End", 1, [false, false, true])).toBe(1);
});

test("nothing to go to", () => {
  expect(nextIndex("ArrowDown", 0, [true, true])).toBeNull();
  expect(nextIndex("ArrowDown", 0, [])).toBeNull();
  expect(nextIndex("x", 0, items)).toBeNull();
});
