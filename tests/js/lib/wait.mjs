/** Deadlines and conditions. Nothing here sleeps for a guessed time: every wait ends with an event or with an error. */

/** The result of `promise`, or an error with `what` after `timeoutMs`. */
export function deadline(promise, timeoutMs, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} (within ${timeoutMs} ms)`)), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks again every 20 ms until `probe` answers something true: for states that no event announces. */
export async function until(probe, timeoutMs, what) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > end) throw new Error(`${what} (within ${timeoutMs} ms)`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A promise for one event of an emitter (Node's or component-emitter's). */
export function once(emitter, event, timeoutMs = 10_000) {
  const happened = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return deadline(happened, timeoutMs, `no ${event}`);
}

/** A small seeded generator (mulberry32), so that a failing run can be repeated with its seed. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { next, below: (bound) => Math.floor(next() * bound), pick: (list) => list[Math.floor(next() * list.length)] };
}
