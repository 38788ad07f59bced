import { beforeEach, expect, test, vi } from "vitest";
import { m } from "../i18n";
import { dragover, drop, paste } from "./files";
import { toasts } from "./parts/toasts.svelte";

const show = vi.spyOn(toasts, "show").mockReturnValue(() => {});

beforeEach(() => {
  show.mockClear();
  document.body.innerHTML = "<main></main><textarea></textarea>";
});

function dropped(on: string, types: string[]) {
  const dataTransfer = { types, dropEffect: "copy" };
  const event = { target: document.querySelector(on), dataTransfer, preventDefault: vi.fn() };
  dragover(event as unknown as DragEvent);
  drop(event as unknown as DragEvent);
  return event.preventDefault.mock.calls.length === 2 ? "kept from the browser" : "left to the browser";
}

test("a file is refused in words wherever it is dropped", () => {
  for (const place of ["main", "textarea"]) expect(dropped(place, ["Files"])).toBe("kept from the browser");
  expect(show.mock.calls).toEqual([[{ text: m.files_refused() }], [{ text: m.files_refused() }]]);
});

test("a link that is dropped does not lead away, and text can be dropped into a field", () => {
  expect(dropped("main", ["text/uri-list", "text/plain"])).toBe("kept from the browser");
  expect(dropped("textarea", ["text/plain"])).toBe("left to the browser");
  expect(show).not.toHaveBeenCalled();
});

test("a pasted picture is refused in words, text with its picture is not", () => {
  const pasted = (types: string[]) => paste({ clipboardData: { types } } as unknown as ClipboardEvent);
  pasted(["text/plain", "text/html", "Files"]);
  expect(show).not.toHaveBeenCalled();
  pasted(["Files"]);
  expect(show).toHaveBeenCalledOnce();
});
