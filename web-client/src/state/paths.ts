/** Paths of the address bar and the routes they mean. Unknown paths are the home route. */
import type { Route } from "./api";

const ID = /^\d{1,19}$/;

export function parsePath(path: string): Route {
  const [kind, first, second, ...rest] = path.split("/").filter((part) => part !== "");
  if (rest.length > 0 || first === undefined) return { view: "home" };
  if (kind === "i" && second === undefined) return { view: "invite", code: decode(first) };
  if (kind !== "c" || !ID.test(first)) return { view: "home" };
  if (second === undefined) return { view: "channel", channelId: first };
  return ID.test(second)
    ? { view: "channel", channelId: first, messageId: second }
    : { view: "channel", channelId: first };
}

export function formatPath(route: Route): string {
  switch (route.view) {
    case "home":
      return "/";
    case "invite":
      return `/i/${encodeURIComponent(route.code)}`;
    case "channel":
      return `/c/${route.channelId}${route.messageId ? `/${route.messageId}` : ""}`;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
