import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { m } from "../../i18n";
import type { User } from "../../protocol/contract";
import { PeopleSearch } from "./search.svelte";

const user = (displayName: string): User => ({
  id: displayName,
  username: displayName,
  displayName,
  avatar: null,
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("asks once for a word, not for each letter", async () => {
  const asked: string[] = [];
  const search = new PeopleSearch(async (query) => (asked.push(query), [user(query)]));
  for (const query of ["a", "ad", "ada"]) search.query = query;
  expect(search.searching).toBe(true);
  await vi.runAllTimersAsync();
  expect(asked).toEqual(["ada"]);
  expect(search.found?.map((one) => one.displayName)).toEqual(["ada"]);
  expect(search.searching).toBe(false);
});

it("drops an answer that was overtaken", async () => {
  const answers = new Map<string, (users: User[]) => void>();
  const search = new PeopleSearch((query) => new Promise((resolve) => answers.set(query, resolve)));
  search.query = "a";
  await vi.advanceTimersByTimeAsync(1000);
  search.query = "b";
  await vi.advanceTimersByTimeAsync(1000);
  answers.get("b")?.([user("Bea")]);
  answers.get("a")?.([user("Ada")]);
  await vi.runAllTimersAsync();
  expect(search.found?.map((one) => one.displayName)).toEqual(["Bea"]);
});

async function noteOn(query: string, found: User[]): Promise<string> {
  const search = new PeopleSearch(async () => found);
  search.query = query;
  expect(search.note(0)).toBe("");
  await vi.runAllTimersAsync();
  return search.note(found.length);
}

it("asks for more of a name that is too short for nobody, or fits too many", async () => {
  const more = m.people_type_more();
  expect(await noteOn("q", [])).toBe(more);
  expect(await noteOn("qu", [])).toBe(m.people_none());
  expect(await noteOn("a", [user("Ada")])).toBe("");
  expect(
    await noteOn(
      "ada",
      Array.from({ length: 20 }, () => user("Ada")),
    ),
  ).toBe(more);
});

it("says why it failed, until something else is typed", async () => {
  const search = new PeopleSearch(() => Promise.reject(new Error("no")));
  search.query = "a";
  await vi.runAllTimersAsync();
  expect(search.error).not.toBe("");
  search.query = "";
  expect(search.error).toBe("");
  expect(search.found).toBe(null);
});
