import { expect, test } from "vitest";
import { fromEntry } from "./data";
import { searchEmoji } from "./search";

const all = [
  fromEntry(["😂", "face with tears of joy", 0, "joy lmao", "crying laugh"]),
  fromEntry(["👋", "waving hand", 1, "wave waving_hand", "hello bye"]),
  fromEntry(["🌊", "water wave", 5, "ocean water_wave", "sea"]),
];
const found = (query: string) => searchEmoji(all, query).map((entry) => entry.emoji);

test("words are found by their beginning, in any order", () => {
  expect(found("tea jo")).toEqual(["😂"]);
  expect(found("HELLO")).toEqual(["👋"]);
  expect(found("aving")).toEqual([]);
});

test("those whose short code is meant come first", () => {
  expect(found("wave")).toEqual(["👋", "🌊"]);
  expect(found("water_wave")).toEqual(["🌊"]);
  expect(found("waving ha")).toEqual(["👋"]);
});

test("no query is all of them", () => {
  expect(found(" ")).toHaveLength(3);
});
