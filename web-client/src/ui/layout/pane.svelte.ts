/** What of the layout is open. The width of the window decides how it looks (Layout.svelte). */
import { MediaQuery } from "svelte/reactivity";

class Pane {
  /** Of the size of text that the browser is set to: enlarged to 200 %, a window of 1,360 px is a narrow one. */
  #narrow = new MediaQuery("width < 48em");
  #wide = new MediaQuery("width >= 1024px");
  #membersColumn = $state(true);
  #membersDrawer = $state(false);
  #lists = $state(false);
  #staying = false;

  /** A phone, or a page that is enlarged: either the lists or the channel. */
  get single(): boolean {
    return this.#narrow.current;
  }

  /** Members are a column beside the timeline, not a drawer over it. */
  get wide(): boolean {
    return this.#wide.current;
  }

  get members(): boolean {
    return this.wide ? this.#membersColumn : this.#membersDrawer;
  }

  set members(open: boolean) {
    if (this.wide) this.#membersColumn = open;
    else this.#membersDrawer = open;
  }

  /** On a phone: the lists are shown instead of the channel. */
  get lists(): boolean {
    return this.#lists;
  }

  /** To the lists, on a phone. */
  back(): void {
    this.#lists = true;
    this.#membersDrawer = false;
  }

  /** What is opened by the click that is being handled does not hide the lists. */
  stay(): void {
    this.#staying = true;
    setTimeout(() => (this.#staying = false));
  }

  /** The route has changed. */
  arrived(): void {
    this.#membersDrawer = false;
    if (!this.#staying) this.#lists = false;
  }
}

export type SettingsTab = "profile" | "account" | "appearance" | "notifications" | "connection";
export type DialogName = "settings" | "switcher" | "shortcuts" | "markAllRead";

/** The dialogs of the shell: at most one at a time. */
class Dialogs {
  current = $state<DialogName | null>(null);
  /** Kept here, because another language makes the dialog anew. */
  settingsTab = $state<SettingsTab>("profile");

  open(name: DialogName): void {
    this.current = name;
  }

  close(): void {
    this.current = null;
  }
}

export const pane = new Pane();
export const dialogs = new Dialogs();
