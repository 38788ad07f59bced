/** Finds a message again whose acknowledgement was lost so long ago that the server has forgotten its nonce. */
import type { Requests } from "./requests";
import type { Id, Message } from "./contract";
import { firstIdAt } from "./ids";

const PAGE = 100;
/** A channel with more messages since then is not searched to the end. */
const PAGES_MAX = 20;
/** What the clocks may differ although both are known. */
const MARGIN_MS = 60_000;

/** `since`: Unix milliseconds by the server's clock. */
export async function findByNonce(
  { request }: Pick<Requests, "request">,
  sought: { channelId: Id; nonce: string; authorId: Id; since: number },
): Promise<Message | null> {
  const { channelId, nonce, authorId, since } = sought;
  let after = firstIdAt(since - MARGIN_MS);
  for (let page = 0; page < PAGES_MAX; page++) {
    const { messages, hasMore } = await request("message:list", { channelId, after, limit: PAGE });
    const found = messages.find((message) => message.nonce === nonce && message.author.id === authorId);
    if (found) return found;
    const newest = messages[0];
    if (!hasMore || !newest) return null;
    after = newest.id;
  }
  return null;
}
