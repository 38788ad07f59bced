/**
 * Where the reader is: the route of the address bar, the group it belongs to, and the channels opened lately.
 * Does not know whether a channel still exists; `App` moves the reader away when it vanishes.
 */
import { untrack } from "svelte";
import type { Directory, Navigation, Route, Unread } from "./api";
import type { Id } from "../protocol/contract";
import { formatPath, parsePath } from "./paths";
import { personal } from "./storage";

const RECENT_MAX = 20;
/** The key of the direct channels among the groups. */
const DIRECT = "direct";

type Neighbours = Pick<Directory, "groups" | "channel" | "channelsOf" | "directChannels">;

export class NavigationState implements Navigation {
  #directory: Neighbours;
  #unread: () => Pick<Unread, "has">;
  #route: Route = $state.raw({ view: "home" });
  #lastGroup: Id | null = $state(null);
  #recent: readonly Id[] = $state.raw([]);
  #lastChannels: Record<string, Id> = {};
  #groupId = $derived.by(() => this.#groupOfRoute());

  constructor(directory: Neighbours, unread: () => Pick<Unread, "has">) {
    this.#directory = directory;
    this.#unread = unread;
    this.#route = parsePath(location.pathname);
    this.load();
    window.addEventListener("popstate", () => this.#show(parsePath(location.pathname)));
  }

  /** What was stored for the person who is signed in; nothing after a wipe. */
  load(): void {
    this.#recent = personal.read<Id[]>("recent", []);
    this.#lastChannels = personal.read<Record<string, Id>>("lastChannels", {});
    this.#lastGroup = personal.read<Id | null>("lastGroup", null);
  }

  get route(): Route {
    return this.#route;
  }

  get groupId(): Id | null {
    return this.#groupId;
  }

  get recent(): readonly Id[] {
    return this.#recent;
  }

  go(route: Route, options?: { replace?: boolean }): void {
    const path = formatPath(route);
    if (options?.replace || path === location.pathname) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    this.#show(route);
  }

  openChannel(channelId: Id, messageId?: Id): void {
    this.go({ view: "channel", channelId, ...(messageId && { messageId }) });
  }

  openGroup(groupId: Id | null): void {
    const channels = groupId === null ? this.#directory.directChannels : this.#directory.channelsOf(groupId);
    const last = this.#lastChannels[groupId ?? DIRECT];
    const channel = channels.find(({ id }) => id === last) ?? channels[0];
    this.#remember("lastGroup", (this.#lastGroup = groupId));
    if (channel) this.openChannel(channel.id);
    else this.go({ view: "home" });
  }

  step(direction: 1 | -1, onlyUnread: boolean): void {
    const groupId = this.groupId;
    const channels = groupId === null ? this.#directory.directChannels : this.#directory.channelsOf(groupId);
    const route = this.#route;
    const current = route.view === "channel" ? route.channelId : null;
    const wanted = onlyUnread ? this.#all(groupId, channels) : channels;
    const next = nextChannel(
      wanted.map(({ id }) => id),
      current,
      direction,
      (id) => !onlyUnread || this.#unread().has(id),
    );
    if (next !== null) this.openChannel(next);
  }

  linkTo(route: Route): string {
    return location.origin + formatPath(route);
  }

  /** Called when `ready` has arrived, and when channels have vanished: at home there is always a channel to show. */
  settle(): void {
    const route = this.#route;
    if (route.view === "invite") return;
    if (route.view === "channel" && this.#directory.channel(route.channelId))
      return this.#visited(route.channelId);
    const groups = this.#directory.groups;
    const group = groups.find(({ id }) => id === this.#lastGroup) ?? groups[0];
    const channels = group ? this.#directory.channelsOf(group.id) : this.#directory.directChannels;
    const last = this.#lastChannels[group?.id ?? DIRECT];
    const channel = channels.find(({ id }) => id === last) ?? channels[0];
    this.go(channel ? { view: "channel", channelId: channel.id } : { view: "home" }, { replace: true });
  }

  #show(route: Route): void {
    this.#route = route;
    if (route.view === "channel") untrack(() => this.#visited(route.channelId));
  }

  #visited(channelId: Id): void {
    const channel = this.#directory.channel(channelId);
    if (!channel) return;
    const groupId = channel.groupId ?? null;
    if (this.#lastGroup !== groupId) this.#remember("lastGroup", (this.#lastGroup = groupId));
    if (this.#lastChannels[groupId ?? DIRECT] !== channelId) {
      this.#lastChannels = { ...this.#lastChannels, [groupId ?? DIRECT]: channelId };
      this.#remember("lastChannels", this.#lastChannels);
    }
    if (this.#recent[0] === channelId) return;
    this.#recent = [channelId, ...this.#recent.filter((id) => id !== channelId)].slice(0, RECENT_MAX);
    this.#remember("recent", this.#recent);
  }

  #groupOfRoute(): Id | null {
    if (this.#route.view === "channel") {
      const channel = this.#directory.channel(this.#route.channelId);
      if (channel) return channel.groupId ?? null;
    }
    return this.#lastGroup;
  }

  /** Every channel, beginning with those of the group shown, so that unread ones elsewhere are reached too. */
  #all(groupId: Id | null, first: ReturnType<Neighbours["channelsOf"]>) {
    const { groups, directChannels } = this.#directory;
    const others = groups
      .filter(({ id }) => id !== groupId)
      .flatMap(({ id }) => this.#directory.channelsOf(id));
    return [...first, ...others, ...(groupId === null ? [] : directChannels)];
  }

  #remember(key: string, value: unknown): void {
    personal.write(key, value);
  }
}

/** The next one in the list, round the end, that is wanted; null if there is no other. */
export function nextChannel(
  ids: readonly Id[],
  current: Id | null,
  direction: 1 | -1,
  wanted: (id: Id) => boolean,
): Id | null {
  const count = ids.length;
  const start = current === null ? -1 : ids.indexOf(current);
  const from = start < 0 && direction < 0 ? count : start;
  for (let i = 1; i <= count; i++) {
    const id = ids[(((from + direction * i) % count) + count) % count];
    if (id !== undefined && id !== current && wanted(id)) return id;
  }
  return null;
}
