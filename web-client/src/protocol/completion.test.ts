import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createCompletion } from "./completion";
import type { Id, ListedGroup } from "./contract";
import { ApiFailure, offline } from "./failure";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** `partial` groups by id; `answer` decides what becomes of each request. */
function setUp(answer: (groupId: Id) => Promise<unknown> = async () => ({})) {
  const asked: Id[] = [];
  const completed: unknown[] = [];
  let done = 0;
  const completion = createCompletion({
    request: (async (_: string, { groupId }: { groupId: Id }) => {
      asked.push(groupId);
      await answer(groupId);
      return { id: groupId };
    }) as never,
    group: ({ id }) => completed.push(id),
    done: () => (done += 1),
  });
  const ready = (...ids: Id[]) =>
    completion.ready({ groups: ids.map((id) => ({ id, partial: true }) as ListedGroup) });
  const turn = () => vi.advanceTimersByTimeAsync(0);
  return { asked, completed, completion, ready, turn, done: () => done };
}

const unavailable = () => new ApiFailure({ code: "unavailable", message: "busy" });

test("partial groups are asked for, others are not", async () => {
  const { completion, asked, completed, turn, done } = setUp();
  completion.ready({ groups: [{ id: "1" }, { id: "2", partial: true }] as ListedGroup[] });
  await turn();
  expect([asked, completed, done()]).toEqual([["2"], ["2"], 1]);
  completion.ready({ groups: [{ id: "1" }] as ListedGroup[] });
  await turn();
  expect(done()).toBe(1);
});

test("what was asked for in vain is asked for again, and the others do not wait for it", async () => {
  let busy = true;
  const { asked, completed, ready, turn, done } = setUp(async (id) => {
    if (busy && id === "1") throw unavailable();
  });
  ready("1", "2");
  await turn();
  expect([completed, done()]).toEqual([["2"], 0]);
  busy = false;
  await vi.runAllTimersAsync();
  expect([asked, completed, done()]).toEqual([["1", "2", "1"], ["2", "1"], 1]);
});

test("a group that was left meanwhile is not waited for", async () => {
  const { ready, completed, turn, done } = setUp(async (id) => {
    if (id === "1") throw new ApiFailure({ code: "group_not_found", message: "gone" });
  });
  ready("1", "2");
  await turn();
  expect([completed, done()]).toEqual([["2"], 1]);
});

test("without the connection nothing is asked, until the next `ready`", async () => {
  let connected = true;
  const { asked, completed, completion, ready, done } = setUp(async () => {
    if (connected) return;
    throw offline();
  });
  connected = false;
  ready("1");
  completion.lost();
  await vi.runAllTimersAsync();
  expect([asked, completed, done()]).toEqual([["1"], [], 0]);
  connected = true;
  ready("1");
  await vi.runAllTimersAsync();
  expect([completed, done()]).toEqual([["1"], 1]);
});

test("an answer for an earlier connection is not taken", async () => {
  const { completed, completion, ready, turn } = setUp();
  ready("1");
  completion.lost();
  await turn();
  expect(completed).toEqual([]);
});
