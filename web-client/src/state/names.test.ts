import { expect, it, test } from "vitest";
import { isBrief, isNamed } from "./names";

/** Those of `model/search.rs` among them: what the server finds is not left out here. */
test.each([
  [
    "Émile Zorn",
    ["zorn", "ZO", "émile zo", "e\u0301MILE", "É", "", " zorn "],
    ["orn", "mile", "zorn é", "zornx"],
  ],
  ["Jean-Luc Picard", ["luc p", "jean", "pic"], ["ean", "an-luc"]],
  ["🎉 party", ["🎉", "par"], ["arty"]],
  [" (Ada)", ["ada"], ["da"]],
  ["山田太郎", ["山", "太郎", "郎"], ["山太"]],
  ["ΟΔΥΣΣΕΥΣ", ["οδυσ", "οδυσσευς"], ["δυσ"]],
  ["Οδυσσεύς", ["ΟΔΥΣΣΕΎΣ"], []],
  ["Straße", ["STRASS", "straß"], ["tra"]],
  ["Ｆｕｌｌ ﬁne", ["full fi", "FINE"], ["ull"]],
  ["\u212Aim", ["kim", "KIM"], ["im"]],
  ["İpek Yılmaz", ["i\u0307pek", "YI", "yılmaz"], ["lmaz"]],
  ["דנה לוי", ["לוי", "דנה ל"], ["נה"]],
])("%s is found from the start of each word on", (name, found, not) => {
  for (const query of found) expect(isNamed([name], query), query).toBe(true);
  for (const query of not) expect(isNamed([name], query), query).toBe(false);
});

it("looks at each of the names", () => {
  const names = ["zorn-e", "Émile", ""];
  expect([isNamed(names, "zor"), isNamed(names, "é"), isNamed(names, "x")]).toEqual([true, true, false]);
  expect(isNamed([""], "")).toBe(true);
});

it("a letter says too little, however it is written", () => {
  expect(["", "a", " a ", "é", "e\u0301", "🎉"].map(isBrief)).toEqual(Array(6).fill(true));
  expect(["ab", "山田"].map(isBrief)).toEqual([false, false]);
});
