/**
 * The client of this page. It connects as soon as it is here, while the rest of the code is still on its way; events
 * wait until `app.start` listens. The channel in the address is the one that will be shown.
 */
import { createClient } from "./client";

export const client = createClient();

client.hold(/^\/c\/(\d+)\/?$/.exec(location.pathname)?.[1]);
client.connect();
