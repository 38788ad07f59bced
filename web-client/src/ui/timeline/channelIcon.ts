import type { Channel } from "../../protocol/contract";
import type { IconName } from "../parts/icons";

export function channelIcon(channel: Pick<Channel, "type">): IconName {
  if (channel.type === "announcement") return "megaphone";
  return channel.type === "direct" ? "at-sign" : "hash";
}
