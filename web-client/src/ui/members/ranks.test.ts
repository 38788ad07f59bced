import { describe, expect, it } from "vitest";
import { moderationActions, ownRank, rankOf, rolesAfter } from "./ranks";

const group = { ownerId: "1", official: false };
const owner: Person = { userId: "1", roles: [] };
const admin = { userId: "2", roles: ["admin"] };
const moderator = { userId: "3", roles: ["moderator"] };
const member: Person = { userId: "4", roles: [] };

type Person = { userId: string; roles: string[] };

function actions(me: Person, target: Person, official = false) {
  const myRank = rankOf(me, group);
  return moderationActions({
    group: { ...group, official },
    myId: me.userId,
    myRank,
    mayManage: myRank > 0,
    target,
  });
}

describe("moderationActions", () => {
  it("offers an owner everything", () => {
    expect(actions(owner, member)).toEqual(["makeModerator", "makeAdmin", "remove", "ban"]);
    expect(actions(owner, admin)).toEqual(["unmakeAdmin", "remove", "ban"]);
  });

  it("offers roles only below one's own", () => {
    expect(actions(admin, member)).toEqual(["makeModerator", "remove", "ban"]);
    expect(actions(admin, moderator)).toEqual(["unmakeModerator", "remove", "ban"]);
    expect(actions(moderator, member)).toEqual(["remove", "ban"]);
  });

  it("offers nothing upwards, sideways or to oneself", () => {
    expect(actions(moderator, moderator)).toEqual([]);
    expect(actions(admin, owner)).toEqual([]);
    expect(actions(owner, owner)).toEqual([]);
    expect(actions(member, member)).toEqual([]);
  });

  it("does not remove from the official group, which has everybody", () => {
    expect(actions(admin, member, true)).toEqual(["makeModerator", "ban"]);
  });
});

describe("ownRank", () => {
  it("makes an operator the owner of the official group", () => {
    expect(ownRank(member, { ownerId: null, official: true }, true)).toBe(3);
    expect(ownRank(admin, { ownerId: null, official: true }, true)).toBe(2);
    expect(ownRank(member, { ownerId: null, official: true }, false)).toBe(0);
  });
});

describe("rolesAfter", () => {
  it("keeps other roles", () => {
    expect(rolesAfter(["helper", "moderator"], "makeAdmin")).toEqual(["helper", "admin"]);
    expect(rolesAfter(["helper", "admin"], "unmakeAdmin")).toEqual(["helper"]);
  });
});
