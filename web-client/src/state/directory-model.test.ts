import { beforeEach, describe, expect, it } from "vitest";
import * as model from "./directory-model";
import { BOB, channel, direct, group, joined, ME, member } from "./testing/make";

let known: model.DirectoryModel;

beforeEach(() => {
  known = { groups: new Map(), channels: new Map(), memberships: new Map() };
  model.applyReady(known, { groups: [joined("1", ["10", "11"])], directChannels: [direct("20", BOB)] });
});

describe("applyReady", () => {
  it("removes what is not there any more and says so", () => {
    const gone = model.applyReady(known, {
      groups: [joined("2", ["30"])],
      directChannels: [direct("20", BOB)],
    });
    expect(gone.groups.map(({ id }) => id)).toEqual(["1"]);
    expect(gone.channels.map(({ id }) => id)).toEqual(["10", "11"]);
    expect([...known.channels.keys()]).toEqual(["20", "30"]);
    expect([...known.memberships.keys()]).toEqual(["2"]);
  });

  it("keeps the channels of a group that did not fit", () => {
    const { channels, ...head } = joined("1", []);
    expect(channels).toEqual([]);
    const gone = model.applyReady(known, { groups: [{ ...head, partial: true }], directChannels: [] });
    expect(gone).toEqual({ groups: [], channels: [direct("20", BOB)] });
    expect([...known.channels.keys()]).toEqual(["10", "11"]);
    expect(known.groups.get("1")).toEqual(group("1"));
    model.joinGroup(known, joined("1", ["10", "12"]));
    expect([...known.channels.keys()]).toEqual(["10", "11", "12"]);
  });

  it("leaves what is the same untouched", () => {
    const before = known.channels.get("10");
    model.applyReady(known, { groups: [joined("1", ["10", "11"])], directChannels: [direct("20", BOB)] });
    expect(known.channels.get("10")).toBe(before);
  });
});

describe("pushes", () => {
  it("takes the channels of a group that is gone along", () => {
    const gone = model.removeGroup(known, "1");
    expect(gone.channels.map(({ id }) => id)).toEqual(["10", "11"]);
    expect([...known.channels.keys()]).toEqual(["20"]);
    expect(model.removeGroup(known, "1")).toEqual({ groups: [], channels: [] });
  });

  it("takes no late channel of a group that was left", () => {
    model.removeGroup(known, "1");
    model.putChannel(known, channel("12", { groupId: "1" }));
    model.putGroup(known, group("1"));
    expect([...known.channels.keys()]).toEqual(["20"]);
    expect(known.groups.size).toBe(0);
  });

  it("takes the permissions of a changed role from the channel's push", () => {
    model.putChannel(known, channel("10", { groupId: "1", permissions: "511" }));
    expect(known.channels.get("10")?.permissions).toBe("511");
  });

  it("follows the reader's own role and nobody else's", () => {
    model.updateOwnMembership(known, member("1", BOB, { roles: ["admin"] }), ME.id);
    expect(known.memberships.get("1")?.roles).toEqual([]);
    model.updateOwnMembership(known, member("1", ME, { roles: ["moderator"] }), ME.id);
    expect(known.memberships.get("1")?.roles).toEqual(["moderator"]);
  });
});

describe("order", () => {
  it("puts the official group first, then in the order of joining", () => {
    const at = (id: string, joinedAt: string, official = false) => ({
      ...joined(id, [], { official }),
      me: member(id, ME, { joinedAt }),
    });
    model.applyReady(known, {
      groups: [at("2", "2026-02-01"), at("3", "2026-01-01"), at("4", "2026-03-01", true)],
      directChannels: [],
    });
    expect(model.sortGroups(known).map(({ id }) => id)).toEqual(["4", "3", "2"]);
  });

  it("sorts channels by position, then by age", () => {
    const of = (id: string, position: number) => channel(id, { groupId: "1", position });
    const byGroup = model.channelsByGroup([of("10", 1), of("9", 1), of("30", 0), direct("20", BOB)]);
    expect(byGroup.get("1")?.map(({ id }) => id)).toEqual(["30", "9", "10"]);
  });

  it("puts the direct channel with the newest message first", () => {
    const last: Record<string, string> = { "20": "100", "21": "99" };
    const sorted = model.sortDirect(
      [direct("21"), direct("20"), direct("22"), channel("1")],
      (id) => last[id],
    );
    expect(sorted.map(({ id }) => id)).toEqual(["20", "21", "22"]);
  });
});
