/**
 * The client of this page. It connects as soon as it is here, while the rest of the code is still on its way; events
 * wait until `app.start` listens.
 */
import { createClient } from "./client";

export const client = createClient();

client.hold();
client.connect();
