/** Tells the server the reader's presence: after connecting, when they choose, and when they go away or come back. */
import type { Client } from "../protocol/api";
import type { Presence } from "../protocol/contract";
import { isOpen } from "./connection.svelte";
import { heard, told, type MyStatus } from "./my-status";
import { browser, personal } from "./storage";

const ONLINE: MyStatus = { status: "online", text: "" };
const CHECK_MS = 30_000;
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"] as const;

export class MyStatusState {
  readonly #client: Client;
  #chosen: MyStatus = $state.raw(ONLINE);
  #said: { status: MyStatus["status"]; at: number } = { status: "online", at: 0 };
  /** In any tab of this browser; written down now and then, for the others. */
  #lastInputAt = Date.now();
  #sharedAt = 0;

  constructor(client: Client) {
    this.#client = client;
    this.load();
    for (const input of INPUTS) {
      window.addEventListener(input, () => this.#input(), { passive: true, capture: true });
    }
    setInterval(() => this.#check(), CHECK_MS);
  }

  get chosen(): MyStatus {
    return this.#chosen;
  }

  load(): void {
    this.#chosen = personal.read("status", ONLINE);
  }

  /** Rejects if the server could not be told; the choice holds, and is told after the next connect. */
  async choose(status: MyStatus["status"], text = this.#chosen.text): Promise<void> {
    this.#keep({ status, text });
    const saying = told(this.#chosen, this.#lastInputAt, Date.now());
    this.#said = { status: saying.status, at: Date.now() };
    await this.#client.request("presence:update", saying);
  }

  connected(): void {
    this.#say(told(this.#chosen, this.#inputAt(), Date.now()));
  }

  heard(presence: Presence): void {
    const { chosen, sayAgain } = heard(this.#chosen, this.#said, presence, Date.now());
    if (chosen !== this.#chosen) {
      this.#keep(chosen);
      this.#said = { status: chosen.status, at: this.#said.at };
    }
    if (sayAgain) this.connected();
  }

  #keep(chosen: MyStatus): void {
    this.#chosen = chosen;
    personal.write("status", chosen);
  }

  #input(): void {
    this.#lastInputAt = Date.now();
    if (this.#lastInputAt - this.#sharedAt > CHECK_MS / 2) {
      this.#sharedAt = this.#lastInputAt;
      browser.write("lastInputAt", this.#lastInputAt);
    }
    if (this.#said.status === "idle" && this.#chosen.status === "online") this.#say(this.#chosen);
  }

  #inputAt(): number {
    return Math.max(this.#lastInputAt, browser.read("lastInputAt", 0));
  }

  #check(): void {
    const saying = told(this.#chosen, this.#inputAt(), Date.now());
    if (saying.status !== this.#said.status) this.#say(saying);
  }

  #say(status: MyStatus): void {
    if (!isOpen(this.#client.connection)) return;
    this.#said = { status: status.status, at: Date.now() };
    this.#client.volatile("presence:update", status);
  }
}
