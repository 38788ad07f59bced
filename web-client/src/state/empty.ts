/** Stand-ins for parts of the state that are not there yet: they show nothing and do nothing. */
import type { Composers, Notifications, People, Timelines, Typing, Unread } from "./api";

const nothing = async () => {};

export const emptyPeople: People = {
  user: () => undefined,
  displayName: () => "…",
  presence: (userId) => ({ userId, status: "offline", text: "" }),
  myStatus: { status: "online", text: "" },
  setMyStatus: nothing,
  watch: () => () => {},
  memberList: () => ({ members: [], hasMore: false, loading: false, query: "", loadMore: nothing }),
  search: async () => [],
};

export const emptyUnread: Unread = {
  has: () => false,
  mentions: () => 0,
  groupHas: () => false,
  groupMentions: () => 0,
  totalMentions: 0,
  markRead: nothing,
  markAllRead: nothing,
};

export const emptyTyping: Typing = { in: () => [] };

export const emptyNotifications: Notifications = {
  permission: "unsupported",
  ask: nothing,
  level: () => "all",
  setLevel: () => {},
};

export const emptyTimelines: Timelines = {
  of: (channelId) => ({
    channelId,
    state: "loading",
    rows: [],
    hasOlder: false,
    hasNewer: false,
    loadingOlder: false,
    loadingNewer: false,
    tailAttached: true,
    arrivedBelow: 0,
    firstUnreadId: null,
    unreadCount: 0,
    highlightedId: null,
    position: null,
    loadOlder: nothing,
    loadNewer: nothing,
    jumpTo: nothing,
    jumpToPresent: nothing,
    jumpToFirstUnread: nothing,
    retry: () => {},
    seen: () => {},
    atBottom: () => {},
    left: () => {},
    edit: nothing,
    remove: nothing,
    toggleReaction: nothing,
    reactors: async () => ({ users: [], hasMore: false }),
    setPinned: nothing,
    pins: async () => [],
    markUnreadFrom: nothing,
    retrySend: () => {},
    discardSend: () => {},
  }),
  message: async () => null,
};

export const emptyComposers: Composers = {
  of: () => ({
    text: "",
    replyTo: null,
    editing: null,
    slowModeSeconds: 0,
    startEditing: () => {},
    editLast: () => {},
    cancel: () => {},
    submit: nothing,
    typed: () => {},
  }),
  hasDraft: () => false,
};
