import { beforeEach, expect, test, vi } from "vitest";
import { wipePersonal } from "../../state/storage";
import { recentEmoji, usedEmoji } from "./recent.svelte";

const app = vi.hoisted(() => ({ me: { id: "1" } }));
vi.mock("../../state/app.svelte", () => ({ app }));

beforeEach(() => {
  localStorage.clear();
  app.me = { id: "1" };
});

test("the emoji used last come first, then those of most people", () => {
  usedEmoji("🦀");
  usedEmoji("😂");
  usedEmoji("🦀");
  expect(recentEmoji().slice(0, 3)).toEqual(["🦀", "😂", "👍"]);
});

test("the next person in this browser does not see them", () => {
  usedEmoji("🦀");
  wipePersonal();
  app.me = { id: "2" };
  expect(recentEmoji()).not.toContain("🦀");
  usedEmoji("🐝");
  expect(recentEmoji().slice(0, 2)).toEqual(["🐝", "👍"]);
});

test("what is kept in the browser may be anything", () => {
  app.me = { id: "3" };
  localStorage.setItem("vibetalk.me.emoji-recent", '[1, "🦀"]');
  expect(recentEmoji()[0]).toBe("🦀");
  localStorage.setItem("vibetalk.me.emoji-recent", '{"a":');
  expect(recentEmoji()[0]).toBe("👍");
});
