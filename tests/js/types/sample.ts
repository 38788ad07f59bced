// A client as an app would write it. Only compiled (`tsc --noEmit`), never run: each
// `@ts-expect-error` is a mistake that the types must catch.
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  ClientToServerEvents,
  JoinedGroup,
  Message,
  Ready,
  ServerToClientEvents,
} from "../../../docs/vibetalk";

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io("http://localhost:3000", {
  auth: { token: "access token" },
});

const SEND = 2n;
let since = "";
const lastSeen: Record<string, string> = {};

socket.on("ready", (ready: Ready) => {
  since = ready.serverTime;
  for (const group of ready.groups) {
    if (!group.partial) remember(group);
    else void socket.emitWithAck("group:get", { groupId: group.id }).then((reply) => reply.ok && remember(reply.data));
  }
  const contentChars: number = ready.limits.contentChars;
  console.log(ready.user.displayName, contentChars);
});

function remember(group: JoinedGroup): void {
  for (const channel of group.channels) {
    lastSeen[channel.id] = channel.lastMessageId ?? "0";
    if ((BigInt(channel.permissions) & SEND) === 0n) console.log("read only", channel.name);
  }
  const nickname: string | null = group.me.nickname;
  console.log(nickname);
}

socket.on("message:created", (message) => {
  lastSeen[message.channelId] = message.id;
  const quoted: string | undefined = message.replyTo?.content;
  console.log(message.author.username, message.content, quoted);
});
socket.on("presence:changed", (presences) => presences.map((presence) => presence.status));
socket.on("sync:required", ({ channelIds, reason }) => console.log(channelIds?.length, reason));
socket.on("sync:mark", ({ serverTime }) => console.log(new Date(serverTime)));
socket.on("server:draining", ({ reconnectInMs }) => console.log(reconnectInMs.toFixed()));
socket.on("connect_error", (error) => console.log(error.message));

async function send(channelId: string, content: string): Promise<Message | undefined> {
  // Annotated: after `timeout()` socket.io-client's own types lose what `emitWithAck` answers.
  const reply: Ack<Message> = await socket
    .timeout(5000)
    .emitWithAck("message:create", { channelId, content, nonce: "n1" });
  if (reply.ok) return reply.data;
  if (reply.error.code === "rate_limited") console.log(reply.error.retryAfterMs);
  // @ts-expect-error: an error has no data
  console.log(reply.data);
  // @ts-expect-error: not one of the codes
  console.log(reply.error.code === "not_a_code");
  return undefined;
}

async function sync(): Promise<void> {
  const reply = await socket.emitWithAck("session:sync", { channels: lastSeen, since });
  if (!reply.ok) return;
  for (const [channelId, { messages, complete }] of Object.entries(reply.data.channels)) {
    console.log(channelId, complete, messages.length);
  }
  for (const change of reply.data.changed) console.log(change.kind, change.messageId);
}

socket.emit("group:create", { name: "Tea", icon: null }, (reply: Ack<JoinedGroup>) => {
  if (reply.ok) remember(reply.data);
});
socket.emit("member:update", { groupId: "1", userId: "2", nickname: null }, () => {});

// @ts-expect-error: no such event
socket.emit("message:crate", { channelId: "1", content: "hello" }, () => {});
// @ts-expect-error: ids are strings
socket.emit("typing:start", { channelId: 1 }, () => {});
// @ts-expect-error: content is missing
socket.emit("message:create", { channelId: "1" }, () => {});
// @ts-expect-error: nobody can set "offline"
socket.emit("presence:update", { status: "offline" }, () => {});
// @ts-expect-error: no such push
socket.on("message:sent", () => {});

export { send, sync };
