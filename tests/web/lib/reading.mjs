/**
 * What a page has told the server of reading, and what it had in view: from the packets of its sockets, and from each
 * frame that it has drawn.
 */
import { until } from '../../js/lib/wait.mjs';
import { WAIT_MS } from './stage.mjs';

/** A `channel:read` as a packet of Socket.IO. */
const READ = /^42\d*\["channel:read",(\{.*\})\]$/s;

/** So much of a row has to be within the view. */
const IN_VIEW_PX = 12;
/** Looks without a change, so that what is loaded around the place has come and has moved nothing. */
const CALM_LOOKS = 20;

/** Before `tab` goes anywhere. */
export async function watchReading(tab) {
  const told = [];
  tab.on('websocket', (socket) => {
    let ready = false;
    socket.on('framereceived', ({ payload }) => (ready ||= String(payload).startsWith('42["ready"')));
    socket.on('framesent', ({ payload }) => {
      const [, json] = READ.exec(String(payload)) ?? [];
      if (json) told.push({ ...JSON.parse(json), ready });
    });
  });
  const shown = new Set();
  await tab.exposeFunction('rowsShown', (ids) => ids.forEach((id) => shown.add(id)));
  await tab.addInitScript(sample, IN_VIEW_PX);
  return new Reading(tab, told, shown);
}

/** Notes which rows each frame shows, and tells those that it shows to somebody: in focus, with no dialog in front. */
function sample(inViewPx) {
  globalThis.rowsInView = [];
  let before = '';
  const look = () => {
    const rows = [...document.querySelectorAll('li[data-id]')];
    const view = rows[0]?.closest('ol').parentElement.getBoundingClientRect();
    const within = (row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > top && top < view.bottom - inViewPx && bottom > view.top + inViewPx;
    };
    globalThis.rowsInView = rows.filter(within).map((row) => row.dataset.id);
    const shown = document.hasFocus() && !document.querySelector(':modal') ? globalThis.rowsInView : [];
    if (shown.join() !== before) globalThis.rowsShown(shown);
    before = shown.join();
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

class Reading {
  constructor(tab, told, shown) {
    Object.assign(this, { tab, told, shown });
  }

  /** From here on: the read state is another one. */
  forget() {
    this.told.length = 0;
    this.shown.clear();
  }

  /** The rows that are in view now. */
  inView() {
    return this.tab.evaluate(() => globalThis.rowsInView);
  }

  /**
   * What it told that it must not have: before it knew the server's state, or over one of these messages of others that
   * it has not shown. They are those that were unread at the beginning.
   */
  async lies(unread) {
    await this.tab.evaluate(() => globalThis.rowsShown([]));
    return this.told.filter(({ messageId, ready }) => !ready || this.skipped(messageId, unread).length > 0);
  }

  /** Unread messages up to this one that were not shown. */
  skipped(messageId, unread) {
    return unread.filter(({ id }) => BigInt(id) <= BigInt(messageId) && !this.shown.has(id)).map(({ content }) => content);
  }

  /** Until the page has told what it shows; answers up to where. */
  async rests() {
    let calm = 0;
    const rests = async () => {
      calm = (await this.inView()).at(-1) === this.told.at(-1)?.messageId ? calm + 1 : 0;
      return calm === CALM_LOOKS;
    };
    await until(rests, WAIT_MS, 'what is in view is not told').catch(async (cause) => {
      throw new Error(`${cause.message}: ${await this.inView()} in view, told ${this.told.map(({ messageId }) => messageId)}`);
    });
    return this.told.at(-1).messageId;
  }
}
