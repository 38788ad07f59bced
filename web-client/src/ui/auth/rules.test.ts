import { expect, test } from "vitest";
import { passwordFault, usernameFault } from "./rules";

test.each([
  ["", "missing"],
  ["ab", "short"],
  ["abc", null],
  ["Ada_L.ove-1", null],
  ["a".repeat(32), null],
  ["a".repeat(33), "long"],
  ["ada lovelace", "characters"],
  ["ädä", "characters"],
])("user name %j", (username, fault) => expect(usernameFault(username)).toBe(fault));

test.each([
  ["", "missing"],
  ["1234567", "short"],
  ["a\u0308".repeat(7), "short"],
  ["a\u0308".repeat(256), null],
  ["12345678", null],
  ["🔑".repeat(8), null],
  ["x".repeat(256), null],
  ["x".repeat(257), "long"],
])("password %j", (password, fault) => expect(passwordFault(password)).toBe(fault));
