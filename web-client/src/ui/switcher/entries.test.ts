import { expect, test } from "vitest";
import { rank, type Entry } from "./entries";

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  key: name,
  kind: "channel",
  name,
  detail: "",
  recent: -1,
  open: () => {},
  ...more,
});

const names = (entries: Entry[]) => entries.map(({ name }) => name);

test("without a query: mentions first, then the recent ones, people not at all", () => {
  const all = [
    entry("old"),
    entry("second", { recent: 1 }),
    entry("first", { recent: 0 }),
    entry("mentioned", { mentions: 2 }),
    entry("Ada", { kind: "person" }),
  ];
  expect(names(rank(all, " "))).toEqual(["mentioned", "first", "second", "old"]);
});

test("a marker in front of the query does not matter", () => {
  expect(names(rank([entry("general")], "#gen"))).toEqual(["general"]);
  expect(names(rank([entry("Ada", { kind: "direct", username: "lovelace" })], "@love"))).toEqual(["Ada"]);
});

test("of two that fit alike the recent one wins", () => {
  expect(names(rank([entry("team-a"), entry("team-b", { recent: 3 })], "team"))).toEqual([
    "team-b",
    "team-a",
  ]);
});
