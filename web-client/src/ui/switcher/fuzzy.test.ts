import { expect, test } from "vitest";
import { fold, fuzzyScore } from "./fuzzy";

function best(query: string, names: string[]): string[] {
  return names
    .map((name) => ({ name, score: fuzzyScore(fold(query), fold(name)) }))
    .filter((entry) => entry.score !== null)
    .sort((a, b) => b.score! - a.score!)
    .map(({ name }) => name);
}

test("letters have to come in order", () => {
  expect(best("gnl", ["general", "lounge", "signal"])).toEqual(["general", "signal"]);
  expect(best("xyz", ["general"])).toEqual([]);
});

test("exact before prefix before the middle", () => {
  expect(best("dev", ["web-developers", "dev", "devops", "andre-vogel"])).toEqual([
    "dev",
    "devops",
    "web-developers",
    "andre-vogel",
  ]);
});

test("beginnings of words count more than letters anywhere", () => {
  expect(best("al", ["crystal", "ada-lovelace"])[0]).toBe("ada-lovelace");
  expect(best("adl", ["saddle", "Ada Lovelace"])[0]).toBe("Ada Lovelace");
});

test("accents and case do not matter", () => {
  expect(best("elan", ["Élan"])).toEqual(["Élan"]);
  expect(best("STRASS", ["Straße"])).toEqual(["Straße"]);
  expect(best("οδυσσευς", ["ΟΔΥΣΣΕΎΣ"])).toEqual(["ΟΔΥΣΣΕΎΣ"]);
});
