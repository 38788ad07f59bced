import { expect, test } from "vitest";
import type { Message } from "../../protocol/contract";
import { actionOfKey, actionsFor, type Rights } from "./actions";

const member: Rights = { send: true, react: true, manage: false, direct: false };

function message(change: Partial<Message> = {}): Message {
  return { type: "default", content: "hi", ...change } as Message;
}

test("authors edit and delete their own, others neither", () => {
  expect(actionsFor(message(), true, member)).toContain("edit");
  expect(actionsFor(message(), true, member)).toContain("delete");
  expect(actionsFor(message(), false, member)).not.toContain("edit");
  expect(actionsFor(message(), false, member)).not.toContain("delete");
});

test("moderators delete and pin what others wrote, but never edit it", () => {
  const actions = actionsFor(message(), false, { ...member, manage: true });
  expect(actions).toContain("delete");
  expect(actions).toContain("pin");
  expect(actions).not.toContain("edit");
});

test("everybody in a direct channel pins", () => {
  expect(actionsFor(message(), false, { ...member, direct: true })).toContain("pin");
  expect(actionsFor(message(), false, member)).not.toContain("pin");
});

test("who may not write cannot reply, and nobody edits a system message", () => {
  expect(actionsFor(message(), false, { ...member, send: false })).not.toContain("reply");
  expect(actionsFor(message({ type: "system:joined" }), true, member)).not.toContain("edit");
});

test("keys are plain, so that the browser's own still work", () => {
  const key = (name: string, ctrlKey = false) => ({ key: name, ctrlKey, metaKey: false, altKey: false });
  expect(actionOfKey(key("E"))).toBe("edit");
  expect(actionOfKey(key("Delete"))).toBe("delete");
  expect(actionOfKey(key("r", true))).toBeNull();
  expect(actionOfKey(key("x"))).toBeNull();
});
