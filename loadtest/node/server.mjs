// The reference server on Node.js: socket.io without options that matter, the same events as bare-socketioxide.
// It answers from memory: no accounts, no store. `node server.mjs [port]`, 0 takes a free one, which is printed.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { pingInterval: 20_000, pingTimeout: 20_000, serveClient: false });

// The Message of docs/protocol.md, as large as bare-socketioxide sends it.
const message = ({ channelId, content, nonce }) => ({
  id: "3762345678901234567",
  channelId,
  groupId: "3762345678901234560",
  author: { id: "3762345678901234561", username: "lt01234567.123", displayName: "lt01234567.123", avatar: null },
  type: "default",
  content,
  createdAt: "2026-01-01T00:00:00.000Z",
  nonce,
  replyTo: null,
  mentions: [],
  mentionsEveryone: false,
  attachments: [],
  embeds: [],
  reactions: [],
  pinned: false,
  flags: 0,
});

io.on("connection", (socket) => {
  socket.join(socket.handshake.auth.room);
  socket.on("message:create", (create, ack) => {
    const created = message(create);
    ack({ ok: true, data: created });
    io.to(create.channelId).emit("message:created", created);
  });
  socket.on("presence:watch", (_watch, ack) => ack({ ok: true, data: { presences: [] } }));
  socket.emit("ready", { serverId: "node" });
});

// As many waiting connections as the other servers allow.
http.listen({ port: Number(process.argv[2] ?? 3002), host: "127.0.0.1", backlog: 1024 }, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
