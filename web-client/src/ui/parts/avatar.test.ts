import { expect, test } from "vitest";
import { HUES, hueOf, initialsOf } from "./avatar";

test.each([
  ["Ada Lovelace", "AL"],
  ["ada", "A"],
  ["jean-luc picard", "JP"],
  ["ليلى أحمد", "ل"],
  ["👩‍🚀 crew", "👩‍🚀"],
  ["  ", "?"],
])("initials of %s", (name, initials) => expect(initialsOf(name)).toBe(initials));

test("the hue of an id never changes and is in range", () => {
  const ids = Array.from({ length: 200 }, (_, index) => `${7_000_000 + index * 4096}`);
  expect(ids.every((id) => hueOf(id) < HUES && hueOf(id) === hueOf(id))).toBe(true);
  expect(new Set(ids.map(hueOf)).size).toBe(HUES);
});
