import { beforeEach, expect, test } from "vitest";
import { cycleRegions, focusRegion } from "./regions";

beforeEach(() => {
  document.body.innerHTML = `
    <div data-region="groups"><button id="group">g</button></div>
    <div data-region="channels"><a id="channel" href="/c/1">c</a><a id="other" href="/c/2">d</a></div>
    <main data-region="main" tabindex="-1"><button id="menu">m</button><textarea id="composer"></textarea></main>
    <div hidden><aside data-region="members"><button id="member">m</button></aside></div>`;
});

const focused = () => document.activeElement?.id;

test("F6 goes round the regions that can be seen", () => {
  const seen = [1, 2, 3, 4].map(() => (cycleRegions(1), focused()));
  expect(seen).toEqual(["group", "channel", "composer", "group"]);
});

test("backwards, too", () => {
  focusRegion("groups");
  cycleRegions(-1);
  expect(focused()).toBe("composer");
});

test("a region remembers where the focus was", () => {
  document.getElementById("other")!.focus();
  cycleRegions(1);
  cycleRegions(-1);
  expect(focused()).toBe("other");
});
