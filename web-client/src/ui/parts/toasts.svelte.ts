/** Short notes at the edge of the window: `toasts.show({ text })`, `toasts.failure(error)`. Shown by Toasts.svelte. */
import { failureText } from "../failure";

export interface Toast {
  text: string;
  tone?: "normal" | "success" | "danger";
  action?: { label: string; run: () => void };
  /** 0: until it is closed. Default 5 s. */
  durationMs?: number;
}

export interface ShownToast extends Toast {
  key: number;
}

const DURATION_MS = 5000;
/** More would cover the composer. */
const SHOWN_MAX = 3;

class Toasts {
  shown = $state.raw<readonly ShownToast[]>([]);
  #next = 0;

  /** Returns the way to take it back. */
  show(toast: Toast): () => void {
    const key = this.#next++;
    this.shown = [...this.shown, { ...toast, key }].slice(-SHOWN_MAX);
    const duration = toast.durationMs ?? DURATION_MS;
    if (duration > 0) setTimeout(() => this.close(key), duration);
    return () => this.close(key);
  }

  failure(error: unknown): void {
    this.show({ text: failureText(error), tone: "danger" });
  }

  close(key: number): void {
    this.shown = this.shown.filter((toast) => toast.key !== key);
  }
}

export const toasts = new Toasts();
