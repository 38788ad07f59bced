/** Gathers the entries of the quick switcher from the state. */
import { m } from "../../i18n";
import type { User } from "../../protocol/contract";
import { app } from "../../state/app.svelte";
import { toasts } from "../parts/toasts.svelte";
import type { Entry } from "./entries";

function channels(): Entry[] {
  const { directory, unread, navigation } = app;
  const recent = (id: string) => navigation.recent.indexOf(id);
  const inGroups = directory.groups.flatMap((group) =>
    directory.channelsOf(group.id).map((channel): Entry => ({
      key: `channel ${channel.id}`,
      kind: "channel",
      name: directory.channelName(channel),
      detail: group.name,
      icon: channel.type === "announcement" ? "megaphone" : "hash",
      unread: unread.has(channel.id),
      mentions: unread.mentions(channel.id),
      recent: recent(channel.id),
      open: () => navigation.openChannel(channel.id),
    })),
  );
  const direct = directory.directChannels.map((channel): Entry => {
    const others = (channel.recipients ?? []).filter(({ id }) => id !== app.me.id);
    const only = others.length === 1 ? others[0] : undefined;
    return {
      key: `channel ${channel.id}`,
      kind: "direct",
      name: directory.channelName(channel),
      detail: only ? `@${only.username}` : m.switcher_direct(),
      ...(only
        ? { username: only.username, avatar: { id: only.id, src: only.avatar } }
        : { icon: "users" as const }),
      unread: unread.has(channel.id),
      mentions: unread.mentions(channel.id),
      recent: recent(channel.id),
      open: () => navigation.openChannel(channel.id),
    };
  });
  return [...inGroups, ...direct];
}

function groups(): Entry[] {
  return app.directory.groups.map((group) => ({
    key: `group ${group.id}`,
    kind: "group",
    name: group.name,
    detail: m.switcher_group(),
    icon: "users-round",
    recent: -1,
    open: () => app.navigation.openGroup(group.id),
  }));
}

function people(found: readonly User[]): Entry[] {
  const known = new Set(
    app.directory.directChannels
      .filter(({ recipients }) => recipients?.length === 2)
      .flatMap(({ recipients }) => recipients ?? [])
      .map(({ id }) => id),
  );
  return found
    .filter(({ id }) => id !== app.me.id && !known.has(id))
    .map((user) => ({
      key: `person ${user.id}`,
      kind: "person",
      name: user.displayName,
      detail: `@${user.username}`,
      username: user.username,
      avatar: { id: user.id, src: user.avatar },
      recent: -1,
      open: () => void openDirect(user.id),
    }));
}

async function openDirect(userId: string): Promise<void> {
  try {
    const channel = await app.directory.openDirect([userId]);
    app.navigation.openChannel(channel.id);
  } catch (error) {
    toasts.failure(error);
  }
}

/** `found`: people the server has found, besides what is known here. */
export function collect(found: readonly User[]): Entry[] {
  return [...channels(), ...groups(), ...people(found)];
}
