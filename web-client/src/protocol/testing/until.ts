/** Lets everything run that is ready, until `test` holds. Touches no timer, so that fake ones stand still. */
export async function until(test: () => boolean, turns = 2000): Promise<void> {
  for (let turn = 0; !test(); turn++) {
    if (turn === turns) throw new Error(`not reached: ${test}`);
    await new Promise<void>((done) => setImmediate(done));
  }
}

/** Long enough for some transactions of the fake IndexedDB. */
export async function settle(): Promise<void> {
  let turns = 0;
  await until(() => turns++ === 100);
}
