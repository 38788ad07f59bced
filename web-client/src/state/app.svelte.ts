/**
 * The one `app`: makes the parts of the state, ties them together, and decides the phase. The parts know one another
 * only through what they are given here.
 */
import type { Client, CreateClient } from "../protocol/api";
import type { Id, Limits, Ready, User } from "../protocol/contract";
import { Account } from "./account.svelte";
import type { App } from "./api";
import { ConnectionStatus } from "./connection.svelte";
import type { Gone } from "./directory-model";
import { DirectoryState } from "./directory.svelte";
import {
  emptyComposers,
  emptyNotifications,
  emptyPeople,
  emptyTimelines,
  emptyTyping,
  emptyUnread,
} from "./empty";
import { NavigationState } from "./navigation.svelte";
import { createSettings } from "./settings.svelte";
import { wipePersonal } from "./storage";
import { FakeClient } from "./testing/fake-client";

/** Until the server has said its own: those of its defaults. */
const LIMITS: Limits = {
  contentChars: 4000,
  nameChars: 100,
  topicChars: 1000,
  messagesPage: 100,
  membersPage: 200,
  syncChannels: 1000,
  watchedUsers: 500,
  attachmentBytes: 0,
  attachmentsPerMessage: 10,
};

export class AppState implements App {
  readonly #client: Client;
  #phase: App["phase"] = $state("starting");
  #me: User | null = $state.raw(null);
  #limits: Limits = $state.raw(LIMITS);
  #settled = false;

  readonly settings = createSettings();
  readonly account: Account;
  readonly connection: ConnectionStatus;
  readonly directory: DirectoryState;
  readonly navigation: NavigationState;
  // EMPTY, replaced step by step.
  readonly people = emptyPeople;
  readonly timelines = emptyTimelines;
  readonly composers = emptyComposers;
  readonly unread = emptyUnread;
  readonly typing = emptyTyping;
  readonly notifications = emptyNotifications;

  constructor(client: Client) {
    this.#client = client;
    this.connection = new ConnectionStatus(client);
    this.account = new Account({
      client,
      signedIn: (user) => this.#signedIn(user),
      changed: (user) => (this.#me = user),
    });
    this.directory = new DirectoryState({
      client,
      meId: () => this.#me?.id ?? null,
      lastMessageId: (channelId) => this.directory.channel(channelId)?.lastMessageId,
      displayName: (userId) => this.people.displayName(userId),
      learn: () => {},
      onGone: (gone, byReader) => this.#gone(gone, byReader),
    });
    this.navigation = new NavigationState(this.directory, () => this.unread);
    client.on("ready", (ready) => this.#ready(ready));
    client.on("signedOut", (reason) => this.#signedOut(reason));
    client.on("user:updated", (user) => this.#userUpdated(user));
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
  }

  #signedIn(user: User): void {
    this.account.signedOutBecause = null;
    this.#me = user;
    this.#phase = "loading";
    this.#client.connect();
  }

  #ready(ready: Ready): void {
    if (this.#me && this.#me.id !== ready.user.id) this.#wipe();
    this.#me = ready.user;
    this.#limits = ready.limits;
    this.directory.applyReady(ready);
    if (!this.#settled) this.navigation.settle();
    this.#settled = true;
    this.#phase = "ready";
  }

  #userUpdated(user: User): void {
    if (user.id === this.#me?.id) this.#me = user;
  }

  #signedOut(reason: "byUser" | "ended"): void {
    this.account.signedOutBecause = reason;
    this.#phase = "signedOut";
    this.#me = null;
    this.#wipe();
  }

  /** Nothing of the person who was signed in stays in this browser. */
  #wipe(): void {
    wipePersonal();
    this.directory.clear();
    this.navigation.load();
    this.#settled = false;
  }

  #gone(gone: Gone, _byReader: boolean): void {
    const ids = new Set<Id>(gone.channels.map(({ id }) => id));
    const { route } = this.navigation;
    if (route.view === "channel" && ids.has(route.channelId)) this.navigation.settle();
  }
}

// The protocol layer, if it is there already.
const protocol = import.meta.glob<{ createClient: CreateClient }>("../protocol/client.ts", { eager: true });
const createClient = protocol["../protocol/client.ts"]?.createClient ?? (() => new FakeClient());

export const app: App = new AppState(createClient());
