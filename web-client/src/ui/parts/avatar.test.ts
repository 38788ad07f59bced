import { expect, test, vi } from "vitest";
import { HUES, hueOf, initialsOf } from "./avatar";

test.each([
  ["Ada Lovelace", "AL"],
  ["ada", "A"],
  ["jean-luc picard", "JP"],
  ["ليلى أحمد", "ل"],
  ["👩‍🚀 crew", "👩‍🚀"],
  ["e\u0301milie du ch\u00e2telet", "E\u0301C"],
  ["7\ufe0f\u20e3 days", "7\ufe0f\u20e3"],
  ["x", "X"],
  ["  ", "?"],
])("initials of %s", (name, initials) => expect(initialsOf(name)).toBe(initials));

test("the hue of an id never changes and is in range", () => {
  const ids = Array.from({ length: 200 }, (_, index) => `${7_000_000 + index * 4096}`);
  expect(ids.every((id) => hueOf(id) < HUES && hueOf(id) === hueOf(id))).toBe(true);
  expect(new Set(ids.map(hueOf)).size).toBe(HUES);
});

test("nothing is segmented for names of plain letters", () => {
  vi.stubGlobal("Intl", {});
  expect(["Zoë Ångström", "x", "Юлия", "أحمد", "李雷"].map(initialsOf)).toEqual(["ZÅ", "X", "Ю", "أ", "李"]);
  vi.unstubAllGlobals();
});
