import { describe, expect, it } from "vitest";
import { nextChannel } from "./navigation.svelte";
import { formatPath, parsePath } from "./paths";

describe("paths", () => {
  it.each(["/", "/c/12", "/c/12/34", "/i/a%2Fb"])("%s survives the way there and back", (path) => {
    expect(formatPath(parsePath(path))).toBe(path);
  });

  it.each(["/nonsense", "/c", "/c/abc", "/c/1/2/3", "/i/a/b"])("%s is home", (path) => {
    expect(parsePath(path)).toEqual({ view: "home" });
  });

  it("opens the channel when the message is no id", () => {
    expect(parsePath("/c/1/abc")).toEqual({ view: "channel", channelId: "1" });
  });
});

describe("nextChannel", () => {
  const any = () => true;

  it("goes round at both ends", () => {
    expect(nextChannel(["1", "2", "3"], "3", 1, any)).toBe("1");
    expect(nextChannel(["1", "2", "3"], "1", -1, any)).toBe("3");
  });

  it("begins at the end it comes from when no channel is open", () => {
    expect(nextChannel(["1", "2", "3"], null, 1, any)).toBe("1");
    expect(nextChannel(["1", "2", "3"], null, -1, any)).toBe("3");
  });

  it("skips channels that are not wanted, and stays where there is no other", () => {
    expect(nextChannel(["1", "2", "3"], "1", 1, (id) => id === "3")).toBe("3");
    expect(nextChannel(["1", "2", "3"], "1", 1, (id) => id === "1")).toBeNull();
    expect(nextChannel([], "1", 1, any)).toBeNull();
  });
});
