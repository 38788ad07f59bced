import { beforeEach, expect, test } from "vitest";
import { setLocale } from ".";
import { daysBetween, formatDay, formatList, formatRelative, formatStamp, formatTime } from "./format";

const NOON = new Date(2026, 10, 25, 12, 0).getTime();
const HOUR = 3_600_000;

beforeEach(() => void setLocale("en", { reload: false }));

test("the clock of the settings decides", () => {
  const at = new Date(2026, 10, 25, 14, 3);
  expect(formatTime(at, "24")).toBe("14:03");
  expect(formatTime(at, "12").replace(/\s/u, " ")).toBe("2:03 PM");
  expect(formatTime(new Date(2026, 10, 25, 0, 5), "24")).toMatch(/^0?0:05$/);
});

test("a stamp grows with its age", () => {
  expect(formatStamp(NOON - HOUR, "24", NOON)).toBe("11:00");
  expect(formatStamp(NOON - 13 * HOUR, "24", NOON)).toBe("Yesterday at \u206823:00\u2069");
  expect(formatStamp(NOON - 72 * HOUR, "24", NOON)).toContain("22");
});

test("days are counted by the calendar, not in hours", () => {
  expect(daysBetween(new Date(2026, 10, 24, 23, 59), new Date(2026, 10, 25, 0, 1))).toBe(1);
  expect(daysBetween(new Date(2026, 10, 25, 0, 1), new Date(2026, 10, 25, 23, 59))).toBe(0);
  // A day of 23 or 25 hours is a day.
  expect(daysBetween(new Date(2026, 2, 28, 12), new Date(2026, 2, 30, 1))).toBe(2);
});

test("relative times use the largest unit that fits", () => {
  expect(formatRelative(NOON - 90_000, NOON)).toBe("1 minute ago");
  expect(formatRelative(NOON - 26 * HOUR, NOON)).toBe("yesterday");
  expect(formatRelative(NOON + 3 * HOUR, NOON)).toBe("in 3 hours");
  expect(formatRelative(NOON - 5_000, NOON)).toBe("now");
});

test("words follow the language of the page", () => {
  expect(formatList(["Ada", "Grace"])).toBe("\u2068Ada\u2069 and \u2068Grace\u2069");
  void setLocale("ar", { reload: false });
  expect(formatList(["Ada", "Grace"])).toBe("\u2068Ada\u2069 و\u2068Grace\u2069");
  expect(formatDay(NOON)).toContain("نوفمبر");
});
