/** The pushes that change what a timeline shows, in one shape. */
import type { Client } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";

export type Push = { channelId: Id } & (
  | { kind: "created"; message: Message }
  | { kind: "updated"; message: Message }
  | { kind: "deleted"; messageId: Id }
  | { kind: "pin"; messageId: Id; pinned: boolean }
  | { kind: "reaction"; messageId: Id; emoji: string; userId: Id; present: boolean }
);

/** Returns the ways to stop listening. */
export function listen(client: Pick<Client, "on">, heard: (push: Push) => void): (() => void)[] {
  return [
    client.on("message:created", (message) => {
      heard({ kind: "created", channelId: message.channelId, message });
    }),
    client.on("message:updated", (message) => {
      heard({ kind: "updated", channelId: message.channelId, message });
    }),
    client.on("message:deleted", (of) => heard({ kind: "deleted", ...of })),
    client.on("pin:added", (of) => heard({ kind: "pin", ...of, pinned: true })),
    client.on("pin:removed", (of) => heard({ kind: "pin", ...of, pinned: false })),
    client.on("reaction:added", (of) => heard({ kind: "reaction", ...of, present: true })),
    client.on("reaction:removed", (of) => heard({ kind: "reaction", ...of, present: false })),
  ];
}
