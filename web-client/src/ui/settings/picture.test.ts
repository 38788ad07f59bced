import { expect, test } from "vitest";
import { pictureFault } from "./picture";

test.each([
  ["", false],
  ["https://example.org/me.png", false],
  ["/api/v1/attachments/1/me.png", false],
  ["http://example.org/me.png", true],
  ["javascript:alert(1)", true],
  ["me.png", true],
  [`https://example.org/${"x".repeat(300)}`, true],
])("picture %s", (address, fault) => expect(pictureFault(address)).toBe(fault));
