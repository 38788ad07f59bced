import { beforeEach, expect, test, vi } from "vitest";
import { m } from "../../i18n";
import { ApiFailure } from "../../protocol/failure";
import { message } from "../../state/testing/make";
import { toasts } from "../parts/toasts.svelte";
import { MessageControls, type MessageRow } from "./controls.svelte";

const tooFast = async () => {
  throw new ApiFailure({ code: "rate_limited", message: "slow down", retryAfterMs: 800 });
};

vi.mock("../../state/app.svelte", () => ({
  app: {
    me: { id: "1" },
    timelines: { of: () => ({ toggleReaction: tooFast, setPinned: tooFast }) },
    composers: { of: () => ({}) },
    directory: { may: () => true, channel: () => undefined },
  },
}));

beforeEach(() => {
  for (const { key } of toasts.shown) toasts.close(key);
});

const row = { kind: "message", key: "5", message: message("5", "10"), mine: true } as MessageRow;

async function check(act: (controls: MessageControls) => void): Promise<void> {
  act(new MessageControls("10"));
  const said = m.failure_rate_limited({ time: "1 second" });
  await vi.waitFor(() => expect(toasts.shown.map(({ text }) => text)).toEqual([said]));
}

test("who reacts too fast is told how long to wait", () =>
  check((controls) => controls.react(row.message, "👍")));

test("who pins too fast is told how long to wait", () =>
  check((controls) => controls.run("pin", row, document.body)));
