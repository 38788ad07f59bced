import { expect, test, vi } from "vitest";
import { createEmitter } from "./emitter";

interface Events {
  said: (text: string) => void;
}

test("what is held is told in its order, to listeners that came later", () => {
  const emitter = createEmitter<Events>();
  const heard: string[] = [];
  emitter.hold();
  emitter.emit("said", "one");
  emitter.emit("said", "two");
  emitter.on("said", (text) => {
    heard.push(text);
    if (text === "one") emitter.emit("said", "answer");
  });
  expect(heard).toEqual([]);
  emitter.release();
  emitter.emit("said", "three");
  expect(heard).toEqual(["one", "two", "answer", "three"]);
});

test("what nobody comes to hear is forgotten, and said so", () => {
  const overflowed = vi.fn();
  const emitter = createEmitter<Events>(overflowed);
  emitter.hold();
  for (let count = 0; count <= 1000; count++) emitter.emit("said", String(count));
  expect(overflowed).toHaveBeenCalledOnce();
  const heard: string[] = [];
  emitter.on("said", (text) => heard.push(text));
  emitter.release();
  expect(heard).toEqual([]);
});
