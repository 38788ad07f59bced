/** Modal dialogs: the rest of the page is inert, and nothing behind them is being read. */

class Modals {
  #open = $state(0);

  get open(): boolean {
    return this.#open > 0;
  }

  /** Returns the end of it, which gives the focus back to where it was. */
  show(dialog: HTMLDialogElement): () => void {
    const before = document.activeElement;
    dialog.showModal();
    this.#open += 1;
    return () => {
      this.#open -= 1;
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }
}

export const modals = new Modals();
