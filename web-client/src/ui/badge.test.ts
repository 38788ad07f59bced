import { beforeEach, expect, test } from "vitest";
import { showBadge, titleOf } from "./badge";

beforeEach(() => {
  document.head.innerHTML = '<link rel="icon" href="/favicon.svg" />';
});

test("the title counts mentions, and only then", () => {
  expect(titleOf(0, [])).toBe("VibeTalk");
  expect(titleOf(3, [])).toBe("(3) VibeTalk");
  expect(titleOf(100, [])).toBe("(99+) VibeTalk");
});

test("the title names what is open, and begins with it", () => {
  expect(titleOf(0, ["#general", "Book club"])).toBe("#general · Book club · VibeTalk");
  expect(titleOf(2, ["Ada"])).toBe("(2) Ada · VibeTalk");
});

test("the icon of the tab has a dot while mentions wait", () => {
  const icon = () => document.querySelector("link")!.getAttribute("href");
  showBadge(2, []);
  expect([document.title, icon()]).toEqual(["(2) VibeTalk", "/favicon-badge.svg"]);
  showBadge(0, []);
  expect([document.title, icon()]).toEqual(["VibeTalk", "/favicon.svg"]);
});
