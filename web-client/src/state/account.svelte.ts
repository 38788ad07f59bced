/** The account of the reader. What a sign-out wipes is decided in `app.svelte.ts`. */
import type { Client } from "../protocol/api";
import type { SessionInfo, User } from "../protocol/contract";
import type { AccountState } from "./api";

interface Parts {
  client: Client;
  signedIn: (user: User) => void;
  changed: (user: User) => void;
}

export class Account implements AccountState {
  readonly #parts: Parts;
  #because: AccountState["signedOutBecause"] = $state(null);

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get signedOutBecause() {
    return this.#because;
  }

  set signedOutBecause(reason) {
    this.#because = reason;
  }

  async register(input: { username: string; password: string; displayName?: string }): Promise<void> {
    this.#parts.signedIn(await this.#parts.client.account.register(input));
  }

  async signIn(input: { username: string; password: string }): Promise<void> {
    this.#parts.signedIn(await this.#parts.client.account.signIn(input));
  }

  signOut(): Promise<void> {
    return this.#parts.client.account.signOut();
  }

  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void> {
    return this.#parts.client.account.changePassword(input);
  }

  async changeProfile(change: { displayName?: string; avatar?: string | null }): Promise<void> {
    this.#parts.changed(await this.#parts.client.request("user:update", change));
  }

  sessions(): Promise<SessionInfo[]> {
    return this.#parts.client.account.sessions();
  }

  endSession(id: string): Promise<void> {
    return this.#parts.client.account.endSession(id);
  }
}
