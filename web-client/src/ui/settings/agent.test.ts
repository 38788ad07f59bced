import { expect, test } from "vitest";
import { agentOf } from "./agent";

const chrome =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
const edge = `${chrome.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64")} Edg/150.0.0.0`;
const safari =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";

test.each([
  [chrome, "Chrome", "Linux", false],
  [edge, "Edge", "Windows", false],
  [safari, "Safari", "iPhone", true],
  ["node", null, null, false],
  ["", null, null, false],
])("%s", (header, browser, system, phone) => expect(agentOf(header)).toEqual({ browser, system, phone }));
