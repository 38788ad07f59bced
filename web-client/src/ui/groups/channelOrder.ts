/** Moving a channel: which positions change. Channels may share a position, so all of them are numbered anew. */
import type { Channel } from "../../protocol/contract";

type Placed = Pick<Channel, "id" | "position">;

/** The fewest changes that bring `channels[from]` to `to`, given that they are in order. */
export function moved(channels: readonly Placed[], from: number, to: number): Placed[] {
  const order = [...channels];
  const [channel] = order.splice(from, 1);
  if (!channel || to < 0 || to > order.length) return [];
  order.splice(to, 0, channel);
  return order
    .map(({ id, position }, index) => ({ id, position: index, before: position }))
    .filter(({ position, before }) => position !== before)
    .map(({ id, position }) => ({ id, position }));
}
