import { expect, test } from "vitest";

type Catalogue = Record<string, unknown>;
const files = import.meta.glob<Catalogue>("../../messages/*/*.json", { eager: true, import: "default" });

function keysOf(locale: string): string[] {
  return Object.entries(files)
    .filter(([path]) => path.includes(`/${locale}/`))
    .flatMap(([, catalogue]) => Object.keys(catalogue))
    .sort();
}

test("both languages say the same things, each once", () => {
  const keys = keysOf("en");
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key, index) => key === keys[index - 1])).toEqual([]);
  expect(keysOf("ar")).toEqual(keys);
});
