/**
 * Whether the reader is new here, and is to be told what one can begin with: only in the first days of an account, until
 * they do not want to be told any more. Which they said, the account remembers, so it holds on all devices.
 */
import type { Ready } from "../protocol/contract";
import type { AccountSettings } from "./account-settings.svelte";
import type { FirstRun } from "./api";

/** From then on nobody is new, whatever they did or did not do. */
const NEW_MS = 7 * 86_400_000;
/** Of the account. */
const KEY = "firstRun";

interface Kept {
  dismissed?: boolean;
  invited?: boolean;
}

export class FirstRunState implements FirstRun {
  readonly #account: AccountSettings;
  #isNew = $state(false);

  constructor(account: AccountSettings) {
    this.#account = account;
  }

  /** Not by what was kept here: another device may have dismissed it since. */
  get open(): boolean {
    return this.#isNew && this.#account.current && !this.#kept.dismissed;
  }

  get hasInvited(): boolean {
    return this.#kept.invited ?? false;
  }

  dismiss(): void {
    this.#keep({ dismissed: true });
  }

  invited(): void {
    if (this.open && !this.hasInvited) this.#keep({ invited: true });
  }

  /** Everybody is in the official group from the moment that they register. */
  applyReady({ groups, serverTime }: Pick<Ready, "groups" | "serverTime">): void {
    const official = groups.find((group) => group.official);
    const sinceMs = official ? Date.parse(serverTime) - Date.parse(official.me.joinedAt) : NaN;
    this.#isNew = sinceMs < NEW_MS;
  }

  clear(): void {
    this.#isNew = false;
  }

  get #kept(): Kept {
    const kept = this.#account.get(KEY);
    return typeof kept === "object" && kept !== null ? kept : {};
  }

  #keep(change: Kept): void {
    this.#account.set(KEY, { ...this.#kept, ...change });
  }
}
