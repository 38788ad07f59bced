import { expect, it } from "vitest";
import { inviteCode } from "./inviteCode";

const cases: [string, string | null][] = [
  ["aB3_-xyz", "aB3_-xyz"],
  ["  aB3xyz\n", "aB3xyz"],
  ["https://chat.example.org/i/aB3xyz", "aB3xyz"],
  ["http://localhost:3000/i/aB3xyz?from=mail#top", "aB3xyz"],
  ["chat.example.org/i/aB3xyz/", "aB3xyz"],
  ["https://chat.example.org/c/123", null],
  ["come and join us", null],
  ["", null],
];
it.each(cases)("finds the code of an invite in %j", (text, code) => expect(inviteCode(text)).toBe(code));
