import { render } from "@testing-library/svelte";
import { createRawSnippet } from "svelte";
import { beforeEach, expect, test, vi } from "vitest";
import { m } from "../../i18n";
import { Lazy } from "../lazy.svelte";
import Later from "./Later.svelte";
import Skeleton from "./Skeleton.svelte";
import { toasts } from "./toasts.svelte";

vi.mock("virtual:icon-sprite", () => ({ default: "/icons.svg" }));

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  for (const { key } of toasts.shown) toasts.close(key);
});

/** Fails as often as said, as without network. */
function lazy(failures: number): Lazy<Record<string, unknown>> {
  return new Lazy(async () => {
    if (failures-- > 0) throw new TypeError("Failed to fetch dynamically imported module");
    return { default: Skeleton };
  });
}

const failed = (part: Lazy<Record<string, unknown>>) => vi.waitFor(() => expect(part.failed).toBe(true));
const loaded = (part: Lazy<Record<string, unknown>>) =>
  vi.waitFor(() => expect(part.component).not.toBeNull());

test("what could not be fetched ahead is shown once it can be", async () => {
  const part = lazy(1).load();
  await failed(part);
  const onclose = vi.fn();
  render(Later, { part, onclose });
  await loaded(part);
  expect(onclose).not.toHaveBeenCalled();
  expect(toasts.shown).toEqual([]);
});

test("what cannot be loaded says so and closes", async () => {
  const part = lazy(1);
  const onclose = vi.fn();
  render(Later, { part, onclose });
  await vi.waitFor(() => expect(onclose).toHaveBeenCalledOnce());
  expect(toasts.shown.map(({ text }) => text)).toEqual([m.dialog_not_loaded()]);
});

test("a pane that cannot be loaded offers to try again", async () => {
  const part = lazy(1);
  const page = render(Later, { part, pane: true });
  (await page.findByRole("button", { name: m.crash_retry() })).click();
  await loaded(part);
  expect(page.queryByText(m.dialog_not_loaded())).toBeNull();
  expect(toasts.shown).toEqual([]);
});

test("what waits in its place goes when it has come", async () => {
  const part = lazy(0);
  const waiting = createRawSnippet(() => ({ render: () => "<p>on its way</p>" }));
  const page = render(Later, { part, waiting });
  expect(page.queryByText("on its way")).not.toBeNull();
  await loaded(part);
  await vi.waitFor(() => expect(page.queryByText("on its way")).toBeNull());
});

test("whoever waits for a part goes on when it is here, and when it cannot be had", async () => {
  const part = lazy(1);
  await part.load().done;
  expect([part.component, part.failed]).toEqual([null, true]);
  await part.load().done;
  expect([part.component, part.failed]).toEqual([Skeleton, false]);
});
