/** Messages to the other tabs of this browser; none where storage is not shared either. */
export interface Tabs<M> {
  post(message: M): void;
}

export function createTabs<M>(name: string, shared: boolean, received: (message: M) => void): Tabs<M> {
  const channel = shared ? open(name) : null;
  channel?.addEventListener("message", (event) => received(event.data as M));
  return { post: (message) => channel?.postMessage(message) };
}

function open(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null; // Forbidden, like storage.
  }
}
