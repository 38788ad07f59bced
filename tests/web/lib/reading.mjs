/**
 * What a page has told the server of reading, and what it had in view: from the packets of its sockets, and from each
 * frame that it has drawn.
 */
import { until } from '../../js/lib/wait.mjs';
import { WAIT_MS } from './stage.mjs';

/** A `channel:read` as a packet of Socket.IO. */
const READ = /^42\d*\["channel:read",(\{.*\})\]$/s;

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
  await tab.addInitScript(sample);
  return new Reading(tab, told);
}

/** Notes which rows each frame shows, and the newest of all frames of this page. Ids of one length compare as they are. */
function sample() {
  globalThis.rowsInView = [];
  globalThis.newestInView = '0';
  const look = () => {
    const rows = [...document.querySelectorAll('li[data-id]')];
    const view = rows[0]?.closest('ol').parentElement.getBoundingClientRect();
    const within = (row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top < view.bottom && bottom > view.top;
    };
    globalThis.rowsInView = rows.filter(within).map((row) => row.dataset.id);
    const newest = globalThis.rowsInView.at(-1) ?? '0';
    if (newest > globalThis.newestInView) globalThis.newestInView = newest;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

class Reading {
  constructor(tab, told) {
    Object.assign(this, { tab, told });
  }

  /** The rows that are in view now. */
  inView() {
    return this.tab.evaluate(() => globalThis.rowsInView);
  }

  /** What it told that it must not have: before it knew the server's state, or further than it has shown. */
  async lies() {
    const newest = await this.tab.evaluate(() => globalThis.newestInView);
    return this.told.filter(({ messageId, ready }) => !ready || BigInt(messageId) > BigInt(newest));
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
