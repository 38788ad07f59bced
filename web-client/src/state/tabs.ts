/** The tabs of this browser: which one speaks for all, and whether one of them has the focus. By Web Locks. */
const LEADER = "vibetalk.leader";
const FOCUSED = "vibetalk.focused";

export class Tabs {
  #leads = false;
  #endFocus: (() => void) | null = null;

  constructor() {
    const { locks } = navigator as { locks?: LockManager };
    if (!locks) {
      this.#leads = true;
      return;
    }
    // Held until this tab is closed; then another one gets it.
    void locks.request(LEADER, () => {
      this.#leads = true;
      return new Promise(() => {});
    });
    window.addEventListener("focus", () => this.#focus());
    window.addEventListener("blur", () => this.#blur());
    if (document.hasFocus()) this.#focus();
  }

  get leads(): boolean {
    return this.#leads;
  }

  async anyFocused(): Promise<boolean> {
    if (document.hasFocus()) return true;
    const { locks } = navigator as { locks?: LockManager };
    const held = (await locks?.query())?.held ?? [];
    return held.some(({ name }) => name === FOCUSED);
  }

  #focus(): void {
    if (this.#endFocus) return;
    const over = new Promise<void>((resolve) => (this.#endFocus = resolve));
    void navigator.locks.request(FOCUSED, { mode: "shared" }, () => over);
  }

  #blur(): void {
    this.#endFocus?.();
    this.#endFocus = null;
  }
}
