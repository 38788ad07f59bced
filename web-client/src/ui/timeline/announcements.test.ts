import { expect, test } from "vitest";
import { announcement, type Arrival } from "./announcements";

const words = {
  one: ({ author, text }: Arrival) => `${author}: ${text}`,
  many: (count: number) => `${count} new`,
};
const arrivals = (count: number): Arrival[] =>
  Array.from({ length: count }, (_, index) => ({ author: "Ada", text: String(index) }));

test("a few messages are read out, many are counted", () => {
  expect(announcement(arrivals(1), words)).toBe("Ada: 0");
  expect(announcement(arrivals(3), words)).toBe("Ada: 0. Ada: 1. Ada: 2");
  expect(announcement(arrivals(4), words)).toBe("4 new");
});
