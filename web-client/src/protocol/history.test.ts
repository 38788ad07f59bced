// @vitest-environment node
import { expect, test } from "vitest";
import type { Message, MessageList } from "./contract";
import { findByNonce } from "./history";

const message = (id: bigint, nonce: string, authorId = "1") =>
  ({ id: String(id), nonce, author: { id: authorId } }) as Message;

test("looks through the pages since then for one's own nonce", async () => {
  const start = 1_800_000_000_000;
  const base = BigInt(start) << 21n;
  const pages = [
    { messages: [message(base + 2n, "x"), message(base + 1n, "sought", "2")], hasMore: true },
    { messages: [message(base + 3n, "sought")], hasMore: true },
  ];
  const asked: MessageList[] = [];
  const request = (async (_event: string, payload: MessageList) => {
    asked.push(payload);
    return pages[asked.length - 1] ?? { messages: [], hasMore: false };
  }) as never;
  const sought = { channelId: "7", nonce: "sought", authorId: "1", since: start };

  expect((await findByNonce({ request }, sought))?.id).toBe(String(base + 3n));
  expect(asked.map(({ after }) => after)).toEqual([String(BigInt(start - 60_000) << 21n), String(base + 2n)]);
  expect(await findByNonce({ request }, sought)).toBeNull();
});
