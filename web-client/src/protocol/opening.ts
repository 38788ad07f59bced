/**
 * The page with which a channel opens: where the reader left off, or the newest messages. It is asked for as soon as
 * `ready` names the channel of the page's address, while the code that shows it is still on its way.
 */
import type { RequestPayload } from "./api";
import type { Channel, Id, Member, Ready, ReadState } from "./contract";
import { compareIds, firstIdAt } from "./ids";
import type { Requests } from "./requests";

export const PAGE_MESSAGES = 50;

export interface Opening extends Pick<Requests, "request"> {
  /** From now on, until `end`, `ready` asks for the page of this channel. */
  begin(channelId: Id): void;
  ready(ready: Pick<Ready, "groups" | "directChannels" | "readStates">): void;
  /** A push: of what has come since it was asked for, nobody knows whether the page has it. */
  pushed(event: string, payload: unknown): void;
  /** The connection is gone. */
  lost(): void;
  end(): void;
}

/** `request` answers what was asked for already, once. */
export function createOpening({ request }: Pick<Requests, "request">): Opening {
  let channelId: Id | undefined;
  let asked: { payload: string; answer: Promise<unknown> } | undefined;
  const lost = () => (asked = undefined);
  return {
    begin(id) {
      channelId = id;
    },
    ready(ready) {
      const payload = channelId && pageOf(channelId, ready);
      if (!payload) return;
      const answer = request("message:list", payload);
      answer.catch(() => {}); // Whoever takes it hears of it.
      asked = { payload: JSON.stringify(payload), answer };
    },
    pushed(event, payload) {
      const about = (payload as { channelId?: Id }).channelId ?? channelId;
      if (about === channelId && event !== "presence:changed") lost();
    },
    lost,
    end() {
      channelId = lost();
    },
    request(event, payload) {
      const taken = asked;
      if (event !== "message:list" || taken?.payload !== JSON.stringify(payload))
        return request(event, payload);
      lost();
      return taken.answer as ReturnType<typeof request<typeof event>>;
    },
  };
}

/** Nothing where `ready` does not tell: the channel is unknown, or its group did not fit. */
function pageOf(
  channelId: Id,
  { groups, directChannels, readStates }: Parameters<Opening["ready"]>[0],
): RequestPayload<"message:list"> | undefined {
  const isIt = ({ id }: Channel) => id === channelId;
  const group = groups.find(({ channels }) => channels?.some(isIt));
  const channel = (group?.channels ?? directChannels).find(isIt);
  if (!channel) return;
  const readState = readStates.find((one) => one.channelId === channelId);
  const lastReadId = readFrom(channel, readState, group?.me);
  return pageRequest(channelId, hasUnread(lastReadId, channel.lastMessageId) ? { around: lastReadId! } : {});
}

export function pageRequest(
  channelId: Id,
  place: Pick<RequestPayload<"message:list">, "before" | "after" | "around">,
  limit = PAGE_MESSAGES,
): RequestPayload<"message:list"> {
  return { channelId, ...place, limit };
}

/** Who joined does not have to read what was written before; a direct channel is read from its beginning. */
export function readFrom(
  channel: Pick<Channel, "type"> | undefined,
  readState: Pick<ReadState, "lastReadId"> | undefined,
  membership: Pick<Member, "joinedAt"> | undefined,
): Id | null {
  if (readState && readState.lastReadId !== null) return readState.lastReadId;
  if (channel?.type === "direct") return "0";
  return membership ? firstIdAt(Date.parse(membership.joinedAt)) : null;
}

/** Something has been written, by whomever, since the reader left. */
export function hasUnread(lastReadId: Id | null, lastMessageId: Id | undefined): boolean {
  return lastReadId !== null && compareIds(lastMessageId ?? "0", lastReadId) > 0;
}
