/**
 * Pictures of every main view into `screenshots/`, and the two of the README into docs/images/.
 * `make screenshots`, or `VIBETALK_BIN=… node screenshots.mjs`.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lively } from './lib/lively.mjs';
import { scene } from './lib/stage.mjs';
import { phoneTour, tour } from './lib/tour.mjs';

const FOLDER = fileURLToPath(new URL('screenshots/', import.meta.url));
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

const LOOKS = {
  light: { walk: tour, colorScheme: 'light' },
  dark: { walk: tour, colorScheme: 'dark', chosen: { channel: 'web-client-dark.png' } },
  'phone-light': { walk: phoneTour, colorScheme: 'light' },
  'phone-dark': { walk: phoneTour, colorScheme: 'dark', chosen: { channel: 'web-client-phone.png' } },
  rtl: { walk: tour, colorScheme: 'light', locale: 'ar' },
  'rtl-phone': { walk: phoneTour, colorScheme: 'dark', locale: 'ar' },
};

/** Where it is about ten in the morning: nobody chats at three. */
const hoursAhead = ((10 - new Date().getUTCHours() + 36) % 24) - 12;
const timezoneId = `Etc/GMT${hoursAhead > 0 ? '-' : '+'}${Math.abs(hoursAhead)}`;

await rm(FOLDER, { recursive: true, force: true });
await mkdir(IMAGES, { recursive: true });
const world = await lively();

for (const [look, { walk, chosen = {}, ...options }] of Object.entries(LOOKS)) {
  scene(look, async (stage) => {
    for await (const { name, page } of walk(stage, world, { reducedMotion: 'reduce', timezoneId, ...options })) {
      await page.tab.screenshot({ path: path.join(FOLDER, look, `${name}.png`), animations: 'disabled' });
      if (chosen[name]) await page.tab.screenshot({ path: path.join(IMAGES, chosen[name]), animations: 'disabled' });
    }
  });
}
