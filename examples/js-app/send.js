/** Sends a message that is stored once, however often it has to be sent: every try carries the same nonce. */
export async function send(socket, message, tries = 5) {
  const request = { nonce: `${Date.now()}-${Math.random()}`, ...message };
  for (let left = tries; ; left -= 1) {
    try {
      return await socket.timeout(10_000).emitWithAck('message:create', request);
    } catch (cause) { // no ack came: it may be stored or not
      if (left === 1) throw cause;
    }
  }
}
