import { expect, test } from "vitest";
import { m } from ".";
import { isolate } from "./isolate";

type Catalogue = Record<string, unknown>;
type Locale = "en" | "ar";
const files = import.meta.glob<Catalogue>("../../messages/*/*.json", { eager: true, import: "default" });

function messagesOf(locale: Locale): [key: string, message: string][] {
  return Object.entries(files)
    .filter(([path]) => path.includes(`/${locale}/`))
    .flatMap(([, catalogue]) => Object.entries(catalogue))
    .map(([key, message]): [string, string] => [key, JSON.stringify(message)])
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

const keysOf = (locale: Locale) => messagesOf(locale).map(([key]) => key);

test("both languages say the same things, each once", () => {
  const keys = keysOf("en");
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key, index) => key === keys[index - 1])).toEqual([]);
  expect(keysOf("ar")).toEqual(keys);
});

test.each<Locale>(["en", "ar"])("no value can turn its sentence round, in %s", (locale) => {
  let values = 0;
  for (const [key, message] of messagesOf(locale)) {
    const inputs = [...new Set(Array.from(message.matchAll(/\{(\w+)\}/g), ([, input]) => input ?? ""))];
    const say = m[key as keyof typeof m] as (inputs: object, options: object) => string;
    const plural = /"input count"/.test(message);
    for (const input of inputs.filter((one) => !(plural && one === "count"))) {
      const others = Object.fromEntries(inputs.map((one) => [one, 1]));
      const said = say({ count: 1, ...others, [input]: "Eve\u202E" }, { locale });
      const marked = isolate(message.includes(`#{${input}}`) ? "#Eve\u202E" : "Eve\u202E");
      expect(said.includes(marked), `${key} does not isolate ${input}: ${said}`).toBe(true);
      values += 1;
    }
  }
  expect(values).toBeGreaterThan(30);
});
