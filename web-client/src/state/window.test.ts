import { expect, test } from "vitest";
import { message, messages } from "./testing/history";
import * as windows from "./window";

const holding = (from: number, to: number, hasOlder = true, hasNewer = false): windows.Window => ({
  messages: messages(from, to),
  hasOlder,
  hasNewer,
});
const contents = (window: windows.Window) => window.messages.map(({ content }) => content);

test("arrivals are put in order, whatever order they come in", () => {
  const window = windows.add(holding(1, 2), [message(5), message(3), message(4)]);
  expect(contents(window)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
});

test("a message that became visible late is put where it belongs", () => {
  const window = windows.add({ ...holding(1, 1), messages: [message(1), message(3)] }, [message(2)]);
  expect(contents(window)).toEqual(["m1", "m2", "m3"]);
});

test("what is held already changes nothing, not even the identity", () => {
  const window = holding(1, 3);
  expect(windows.add(window, [message(2)])).toBe(window);
});

test("messages beyond a cut end are ignored", () => {
  const window = holding(10, 12, true, true);
  expect(windows.add(window, [message(9), message(13)])).toBe(window);
});

test("with the beginning in the window, an older message belongs to it", () => {
  expect(contents(windows.add(holding(2, 3, false), [message(1)]))).toEqual(["m1", "m2", "m3"]);
});

test("an older state of a message never overwrites a newer one", () => {
  const edited = message(1, { content: "new", editedAt: "2026-11-20T13:00:00.000Z" });
  const window: windows.Window = { messages: [edited], hasOlder: false, hasNewer: false };
  expect(windows.add(window, [message(1)]).messages[0]).toBe(edited);
  const earlier = message(1, { content: "old", editedAt: "2026-11-20T12:30:00.000Z" });
  expect(windows.edit(window, earlier)).toBe(window);
});

test("the push of an edit keeps reactions and pin, which it does not know as the reader sees them", () => {
  const reactions = [{ emoji: "👍", count: 2, me: true }];
  const window: windows.Window = {
    messages: [message(1, { reactions, pinned: true })],
    hasOlder: false,
    hasNewer: false,
  };
  const pushed = message(1, { content: "new", editedAt: "2026-11-20T13:00:00.000Z" });
  expect(windows.edit(window, pushed).messages[0]).toMatchObject({ content: "new", reactions, pinned: true });
});

test("quotes follow the message they quote", () => {
  const quote = { id: message(1).id, author: message(1).author, content: "m1" };
  const window: windows.Window = {
    messages: [message(1), message(2, { replyTo: quote })],
    hasOlder: false,
    hasNewer: false,
  };
  const edited = windows.edit(window, message(1, { content: "new", editedAt: "2026-11-20T13:00:00.000Z" }));
  expect(edited.messages[1]?.replyTo?.content).toBe("new");
  expect(windows.remove(window, message(1).id).messages).toMatchObject([{ content: "m2", replyTo: null }]);
});

test("older pages push out the newest messages, newer pages the oldest", () => {
  const full = holding(51, 300);
  const up = windows.prepend(full, messages(1, 50), false);
  expect([up.messages.length, up.messages[0]?.content, up.messages.at(-1)?.content]).toEqual([
    250,
    "m1",
    "m250",
  ]);
  expect([up.hasOlder, up.hasNewer]).toEqual([false, true]);
  const down = windows.append(up, messages(251, 300), false);
  expect([down.messages.length, down.messages[0]?.content]).toEqual([250, "m51"]);
  expect([down.hasOlder, down.hasNewer]).toEqual([true, false]);
});

test("changes of messages out of the window are ignored", () => {
  const window = holding(10, 12);
  expect(windows.update(window, message(1).id, () => message(1))).toBe(window);
  expect(windows.remove(window, message(1).id)).toBe(window);
  expect(windows.edit(window, message(1))).toBe(window);
});
