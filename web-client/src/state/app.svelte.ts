/**
 * The one `app`: makes the parts of the state, ties them together, and decides the phase. The parts know one another
 * only through what they are given here.
 */
import { flushSync } from "svelte";
import type { Client } from "../protocol/api";
import type { Channel, Id, Limits, Ready, User } from "../protocol/contract";
import { client } from "../protocol/here";
import { AccountSettings } from "./account-settings.svelte";
import { Account } from "./account.svelte";
import type { App, Settings } from "./api";
import { ConnectionStatus } from "./connection.svelte";
import { Cache } from "./cache";
import { Composers } from "./composers";
import type { Gone } from "./directory-model";
import { DirectoryState } from "./directory.svelte";
import { FirstRunState } from "./first-run.svelte";
import { after, Batch, nextFrame } from "./frame";
import { NavigationState } from "./navigation.svelte";
import { NoticeList } from "./notices.svelte";
import { NotificationState } from "./notifications.svelte";
import { PeopleState } from "./people.svelte";
import { createSettings } from "./settings.svelte";
import { personal, wipePersonal } from "./storage";
import { Timelines } from "./timelines";
import { TypingState } from "./typing.svelte";
import { UnreadState } from "./unread.svelte";

/** Until the server has said its own: those of its defaults. */
const LIMITS: Limits = {
  contentChars: 4000,
  nameChars: 100,
  topicChars: 1000,
  messagesPage: 100,
  membersPage: 200,
  syncChannels: 1000,
  watchedUsers: 500,
  settingsBytes: 16_384,
  readyBytes: 2_000_000,
  attachmentBytes: 0,
  attachmentsPerMessage: 10,
};
const SAVE_AFTER_MS = 5000;
/** Whose things `personal` holds. */
const OWNER = "owner";

export class AppState implements App {
  readonly #client: Client;
  readonly #cache = new Cache();
  #phase: App["phase"] = $state("starting");
  #me: User | null = $state.raw(null);
  #limits: Limits = $state.raw(LIMITS);
  /** All groups and channels have come. */
  #complete = false;
  /** The first channel was opened; from then on the reader decides. */
  #settled = false;
  readonly #save = new Batch(() => this.#saveReady(), after(SAVE_AFTER_MS));

  readonly #accountSettings: AccountSettings;
  readonly settings: Settings;
  readonly firstRun: FirstRunState;
  readonly notices = new NoticeList();
  readonly account: Account;
  readonly connection: ConnectionStatus;
  readonly directory: DirectoryState;
  readonly people: PeopleState;
  readonly unread: UnreadState;
  readonly typing: TypingState;
  readonly navigation: NavigationState;
  readonly notifications: NotificationState;
  readonly timelines: Timelines;
  readonly composers: Composers;

  constructor(client: Client) {
    this.#client = client;
    const meId = () => this.#me?.id ?? null;
    this.#accountSettings = new AccountSettings({
      client,
      answered: () => this.notifications.adopt(),
      outdated: () => this.notifications.outdated(),
      refused: () => this.notices.add({ kind: "settingRefused", name: "" }),
    });
    this.settings = createSettings(() => (this.#me ? this.#accountSettings : null));
    this.firstRun = new FirstRunState(this.#accountSettings);
    this.connection = new ConnectionStatus(client, () => this.people.disconnected());
    this.account = new Account({
      client,
      signedIn: (user) => this.#signedIn(user),
      changed: (user) => this.#userUpdated(user),
    });
    this.people = new PeopleState({
      client,
      meId,
      live: () => this.connection.live,
      watchedMax: () => this.#limits.watchedUsers,
    });
    this.directory = new DirectoryState({
      client,
      meId,
      lastMessageId: (channelId) => this.unread.newestId(channelId),
      displayName: (userId) => this.people.displayName(userId),
      learn: (users) => this.people.learn(users),
      memberUpdated: (member) => this.people.memberUpdated(member),
      memberLeft: (groupId, userId) => this.people.memberLeft(groupId, userId),
      onGone: (gone, byReader) => this.#gone(gone, byReader),
      invited: () => this.firstRun.invited(),
    });
    this.unread = new UnreadState({
      client,
      meId,
      channel: (id) => this.directory.channel(id),
      channelsOf: (groupId) => this.directory.channelsOf(groupId),
      membership: (groupId) => this.directory.membership(groupId),
      muted: (channelId) => this.notifications.level(channelId) === "none",
      markedRead: (channelId) => this.timelines.peek(channelId)?.markedRead(),
    });
    this.typing = new TypingState(client, meId);
    const messages = { client, cache: this.#cache, meId, directory: this.directory };
    this.timelines = new Timelines({
      ...messages,
      complete: () => this.#complete,
      reads: this.unread,
      remember: (users) => this.people.learn(users),
      focused: () => document.visibilityState === "visible" && document.hasFocus(),
      nextFrame,
    });
    this.composers = new Composers(
      { ...messages, contentCharsMax: () => this.#limits.contentChars },
      this.timelines,
    );
    client.setCursors(() => this.timelines.cursors());
    this.navigation = new NavigationState(this.directory, () => this.unread);
    this.notifications = new NotificationState({
      client,
      account: this.#accountSettings,
      meId,
      status: () => this.people.myStatus.status,
      sounds: () => this.settings.sounds,
      channel: (id) => this.directory.channel(id),
      isOfficial: (groupId) => this.directory.group(groupId)?.official ?? false,
      displayName: (userId, groupId) => this.people.displayName(userId, groupId),
      title: (channel) => this.directory.channelName(channel),
      open: (channelId, messageId) => this.navigation.openChannel(channelId, messageId),
    });
    // After the parts, whose listeners come first.
    client.on("ready", (ready) => this.#ready(ready));
    client.on("completed", () => this.#completed());
    client.on("signedOut", (reason) => this.#signedOut(reason));
    client.on("user:updated", (user) => this.#userUpdated(user));
    window.addEventListener("pagehide", () => this.#save.flush());
  }

  get phase() {
    return this.#phase;
  }

  get me(): User {
    if (!this.#me) throw new Error("nobody is signed in");
    return this.#me;
  }

  get limits(): Limits {
    return this.#limits;
  }

  async start(): Promise<void> {
    if (this.#phase !== "starting") return;
    const user = this.#client.account.user;
    if (user) this.#signedIn(user);
    else this.#phase = "signedOut";
    this.#client.release();
  }

  #signedIn(user: User): void {
    this.#own(user.id);
    this.account.signedOutBecause = null;
    this.#me = user;
    this.#phase = "loading";
    this.#client.connect();
    void this.#showCached(user.id);
  }

  /** Groups and channels as they were last, unless the server was faster. */
  async #showCached(userId: Id): Promise<void> {
    await this.#cache.open(userId);
    await this.composers.load();
    const ready = await this.#cache.ready();
    if (ready && this.#phase === "loading" && this.#me?.id === userId) this.#show(ready, true);
  }

  #ready(ready: Ready): void {
    this.#own(ready.user.id);
    this.#show(ready);
    this.#askAhead();
    this.people.connected();
    // At once, too: somebody who reloads without network a moment later finds their groups.
    this.#saveReady();
    this.#save.ask();
  }

  /** The messages of the channel that is about to be shown are on their way before its view is made. */
  #askAhead(): void {
    const { route } = this.navigation;
    if (route.view === "channel" && this.directory.channel(route.channelId))
      this.timelines.of(route.channelId);
  }

  #show(ready: Ready, cached = false): void {
    this.#me = ready.user;
    this.#limits = ready.limits;
    this.people.learn([ready.user]);
    this.directory.applyReady(ready);
    this.unread.applyReady(ready, cached);
    if (!cached) this.firstRun.applyReady(ready);
    this.#complete = !cached && !ready.groups.some(({ partial }) => partial);
    this.#settle();
    this.#phase = "ready";
  }

  /** The groups that did not fit into `ready` are here, and with them maybe the channel that a link has named. */
  #completed(): void {
    this.#complete = true;
    this.#settle();
    this.#save.ask();
  }

  /**
   * A link may name a channel that is newer than what is kept here, so only the server's word moves the reader away,
   * when it has told all.
   */
  #settle(): void {
    const { route } = this.navigation;
    const unknown = route.view === "channel" && !this.directory.channel(route.channelId);
    if (unknown && !this.#complete) return;
    if (unknown) this.notices.add({ kind: "channelUnknown", name: "" });
    if (!this.#settled || route.view === "channel") this.navigation.settle();
    this.#settled = true;
  }

  #userUpdated(user: User): void {
    this.people.learn([user]);
    if (user.id === this.#me?.id) this.#me = user;
  }

  #signedOut(reason: "byUser" | "ended"): void {
    this.account.signedOutBecause = reason;
    // First the phase, and what the UI shows of `me` is unmounted.
    flushSync(() => (this.#phase = "signedOut"));
    this.#wipe();
    if (this.navigation.route.view === "channel") this.navigation.go({ view: "home" }, { replace: true });
  }

  /** Another person than the one whose things are here finds nothing of theirs. */
  #own(userId: Id): void {
    const owner = personal.read<Id | null>(OWNER, null);
    if (owner !== null && owner !== userId) this.#wipe();
    personal.write(OWNER, userId);
  }

  #wipe(): void {
    this.#save.cancel();
    wipePersonal();
    void this.#cache.wipe();
    this.timelines.reset();
    this.composers.reset();
    this.#me = null;
    this.#settled = false;
    for (const part of [this.directory, this.unread, this.typing, this.people, this.notices]) part.clear();
    this.navigation.load();
    this.#accountSettings.clear();
    this.firstRun.clear();
    this.notifications.clear();
  }

  #gone(gone: Gone, byReader: boolean): void {
    this.unread.forget(gone.channels.map(({ id }) => id));
    const { route } = this.navigation;
    const open = route.view === "channel" && gone.channels.find(({ id }) => id === route.channelId);
    if (!open) return;
    this.navigation.settle();
    if (!byReader) this.#say(gone, open);
  }

  #say(gone: Gone, channel: Channel): void {
    const group = gone.groups.find(({ id }) => id === channel.groupId);
    if (group) this.notices.add({ kind: "groupGone", name: group.name });
    else this.notices.add({ kind: "channelGone", name: this.directory.channelName(channel) });
  }

  /** `ready` as it would be now. */
  #saveReady(): void {
    const { ready } = this.#client;
    if (!this.#me || !ready) return;
    const readStates = this.unread.snapshot();
    void this.#cache.saveReady({ ...ready, user: this.#me, readStates, ...this.directory.snapshot() });
  }
}

export const app: App = new AppState(client);
