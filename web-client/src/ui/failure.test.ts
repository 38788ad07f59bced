import { describe, expect, it } from "vitest";
import { durationText, failureText } from "./failure";

function failure(code: string, more: object = {}): Error {
  return Object.assign(new Error("for developers"), { code, ...more });
}

describe("failureText", () => {
  it("never shows the server's own words", () => {
    for (const error of [failure("forbidden"), failure("a_code_of_the_future"), new Error("for developers")])
      expect(failureText(error)).not.toContain("developers");
  });

  it("says how long to wait", () => {
    expect(failureText(failure("rate_limited", { retryAfterMs: 4_200 }))).toContain("5 seconds");
  });

  it("does not name a time when the server gave none", () => {
    expect(failureText(failure("rate_limited"))).not.toMatch(/\d|undefined|NaN/);
  });

  it("lets a place say what a code means there", () => {
    expect(failureText(failure("forbidden"), { forbidden: () => "banned" })).toBe("banned");
    const limited = { rate_limited: ({ time }: { time: string }) => `locked for ${time}` };
    expect(failureText(failure("rate_limited", { retryAfterMs: 120_000 }), limited)).toBe(
      "locked for 2 minutes",
    );
    expect(failureText(failure("rate_limited"), limited)).not.toContain("locked");
  });

  it("takes names of Object's own properties for no code", () => {
    expect(failureText(failure("constructor"))).toBe(failureText(null));
  });
});

describe("durationText", () => {
  const cases: [number, string][] = [
    [1, "1 second"],
    [61_000, "61 seconds"],
    [60_000, "1 minute"],
    [121_000, "3 minutes"],
    [21_600_000, "6 hours"],
    [604_800_000, "7 days"],
  ];
  it.each(cases)("%d ms is %s", (ms, text) => expect(durationText(ms)).toBe(text));
});
