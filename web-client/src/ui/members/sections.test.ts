import { describe, expect, it } from "vitest";
import type { Member } from "../../protocol/contract";
import { memberRows, type MemberRowsInput } from "./sections";

function member(userId: string, displayName: string, ...roles: string[]): Member {
  const user = { id: userId, username: displayName, displayName, avatar: null };
  return { groupId: "9", userId, user, roles, nickname: null, joinedAt: "" };
}

const people = [
  member("1", "Zoe"),
  member("2", "amir", "moderator"),
  member("3", "Bea"),
  member("4", "Cem", "admin"),
  member("5", "Olga"),
  member("6", "Adam"),
];

function rows(input: Partial<MemberRowsInput>): string[] {
  const all = memberRows({
    members: people,
    group: { ownerId: "5", memberCount: people.length },
    statusOf: (id) => (id === "3" || id === "1" ? "online" : "offline"),
    nameOf: (one) => one.user.displayName,
    locale: "en",
    complete: true,
    ...input,
  });
  return all.map((row) =>
    row.kind === "section" ? `${row.section} ${row.count}` : row.member.user.displayName,
  );
}

describe("memberRows", () => {
  it("puts a small group in order by role, presence and name", () => {
    expect(rows({})).toEqual([
      ...["admins 2", "Olga", "Cem"],
      ...["moderators 1", "amir"],
      ...["online 2", "Bea", "Zoe"],
      ...["offline 1", "Adam"],
    ]);
  });

  it("keeps the order of loading in a large group, so that nothing moves under the reader", () => {
    expect(rows({ statusOf: null }).slice(-4)).toEqual(["members 3", "Zoe", "Bea", "Adam"]);
  });

  it("counts nobody as online or offline of whom that is not known", () => {
    expect(rows({ statusOf: () => "unknown" })).toEqual([
      ...["admins 2", "Olga", "Cem"],
      ...["moderators 1", "amir"],
      ...["members 3", "Adam", "Bea", "Zoe"],
    ]);
    expect(rows({ statusOf: (id) => (id === "3" ? "online" : "unknown") })).toContain("members 2");
  });

  it("counts members that are not loaded yet", () => {
    const group = { ownerId: "5", memberCount: 10_000 };
    expect(rows({ statusOf: null, group, complete: false })).toContain("members 9997");
  });

  it("has no empty sections", () => {
    expect(rows({ members: [] })).toEqual([]);
  });
});
