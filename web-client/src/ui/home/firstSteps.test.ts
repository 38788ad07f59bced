import { describe, expect, test } from "vitest";
import { group } from "../../state/testing/make";
import { firstSteps, inOrder } from "./firstSteps";

const OFFICIAL = group("1", { official: true, ownerId: null, memberCount: 40 });
const CLUB = group("2", { ownerId: "9", memberCount: 5 });
const OWN = group("3", { ownerId: "7", memberCount: 1 });

const NEW: Parameters<typeof firstSteps>[0] = {
  me: { id: "7", avatar: null },
  groups: [OFFICIAL],
  openId: OFFICIAL.id,
  hasInvited: false,
  mayInvite: () => true,
};

const done = (more: Partial<typeof NEW>) =>
  firstSteps({ ...NEW, ...more }).flatMap((step) => (step.done ? [step.kind] : []));
const target = (more: Partial<typeof NEW>) =>
  firstSteps({ ...NEW, ...more }).flatMap((step) => (step.kind === "invite" ? [step.groupId] : []))[0];

describe("what is done", () => {
  test("at first nothing", () => expect(done({})).toEqual([]));

  test("a picture", () =>
    expect(done({ me: { id: "7", avatar: "https://a.example/a.png" } })).toEqual(["picture"]));

  test("a group, made or joined", () => {
    expect(done({ groups: [OFFICIAL, OWN] })).toEqual(["group"]);
    expect(done({ groups: [OFFICIAL, CLUB] })).toEqual(["group"]);
  });

  test("an invite, or that somebody has come to one's own group", () => {
    expect(done({ hasInvited: true })).toEqual(["invite"]);
    expect(done({ groups: [OFFICIAL, { ...OWN, memberCount: 2 }] })).toEqual(["group", "invite"]);
  });
});

describe("people are invited", () => {
  test("to the group that is open", () => {
    expect(target({ groups: [OFFICIAL, CLUB, OWN], openId: CLUB.id })).toBe(CLUB.id);
  });

  test("else to one's own, else to any", () => {
    expect(target({ groups: [OFFICIAL, CLUB, OWN] })).toBe(OWN.id);
    expect(target({ groups: [OFFICIAL, CLUB] })).toBe(CLUB.id);
  });

  test("only where the reader may, else to the server", () => {
    expect(target({ groups: [OFFICIAL, CLUB, OWN], openId: CLUB.id, mayInvite: (id) => id === OWN.id })).toBe(
      OWN.id,
    );
    expect(target({ groups: [OFFICIAL, CLUB], mayInvite: () => false })).toBeNull();
    expect(target({})).toBeNull();
  });
});

test("where nobody else is, inviting comes first", () => {
  const kinds = (alone: boolean) => inOrder(firstSteps(NEW), alone).map(({ kind }) => kind);
  expect(kinds(false)).toEqual(["picture", "group", "invite"]);
  expect(kinds(true)).toEqual(["invite", "picture", "group"]);
});
