import { expect, it } from "vitest";
import { moved } from "./channelOrder";

const apart = ["a", "b", "c", "d"].map((id, position) => ({ id, position }));
const together = ["a", "b", "c"].map((id) => ({ id, position: 0 }));

it("changes only what lies between", () => {
  expect(moved(apart, 1, 2)).toEqual([
    { id: "c", position: 1 },
    { id: "b", position: 2 },
  ]);
});

it("numbers channels that share a position", () => {
  expect(moved(together, 2, 0)).toEqual([
    { id: "a", position: 1 },
    { id: "b", position: 2 },
  ]);
});

it("does nothing beyond the ends", () => {
  expect(moved(apart, 0, -1)).toEqual([]);
  expect(moved(apart, 3, 4)).toEqual([]);
});
