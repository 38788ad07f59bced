/** The public contract, as every JavaScript app sees it. */
export type * from "../../../docs/vibetalk";

/** Bits of `Channel.permissions`, which is a decimal string. */
export const Permission = {
  view: 1n,
  send: 2n,
  react: 4n,
  manageMessages: 8n,
  manageChannels: 16n,
  manageGroup: 32n,
  manageMembers: 64n,
  invite: 128n,
  mentionEveryone: 256n,
} as const;

export type PermissionName = keyof typeof Permission;
