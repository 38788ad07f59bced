/**
 * Pictures of every main view into `screenshots/`, and the two of the README into docs/images/.
 * `make screenshots`, or `VIBETALK_BIN=… node screenshots.mjs`.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { corners } from './lib/corners.mjs';
import { startFirefox } from './lib/firefox.mjs';
import { lively } from './lib/lively.mjs';
import { scene } from './lib/stage.mjs';
import { phoneTour, tour } from './lib/tour.mjs';
import { vt } from './lib/world.mjs';

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

const CORNERS = {
  'corners-light': { colorScheme: 'light' },
  'corners-dark': { colorScheme: 'dark' },
  'corners-phone': { colorScheme: 'light', phone: true },
  'corners-rtl': { colorScheme: 'light', locale: 'ar' },
  'corners-rtl-phone': { colorScheme: 'dark', locale: 'ar', phone: true },
  'corners-wide': { colorScheme: 'light', viewport: { width: 2560, height: 1300 } },
  'corners-enlarged': { colorScheme: 'dark', viewport: { width: 680, height: 400 }, deviceScaleFactor: 2 },
};

/** Where it is about ten in the morning: nobody chats at three. */
const hoursAhead = ((10 - new Date().getUTCHours() + 36) % 24) - 12;
const timezoneId = `Etc/GMT${hoursAhead > 0 ? '-' : '+'}${Math.abs(hoursAhead)}`;

await rm(FOLDER, { recursive: true, force: true });
await mkdir(IMAGES, { recursive: true });
const world = await lively();

const still = { reducedMotion: 'reduce', timezoneId };

for (const [look, { walk, chosen = {}, ...options }] of Object.entries(LOOKS)) {
  scene(look, async (stage) => {
    for await (const { name, page } of walk(stage, world, { ...still, ...options })) {
      await take(page, look, name);
      if (chosen[name]) await page.tab.screenshot({ path: path.join(IMAGES, chosen[name]), animations: 'disabled' });
    }
  });
}

for (const [look, options] of Object.entries(CORNERS)) {
  scene(look, async (stage) => {
    for await (const { name, page } of corners(stage, { ...still, ...options })) await take(page, look, name);
  });
}

// Its scrollbars.
for (const look of ['firefox-light', 'firefox-dark']) {
  test(look, async () => {
    const firefox = await startFirefox({ dark: look === 'firefox-dark' });
    try {
      await world.rewind();
      await firefox.signIn(`${vt.server.url}/c/${world.general}`, world.reader.person);
      await firefox.sees(() => document.querySelector('main ol')?.innerText.includes('screenshots look lovely') === true);
      await mkdir(path.join(FOLDER, look), { recursive: true });
      await firefox.screenshot(path.join(FOLDER, look, 'channel.png'));
    } finally {
      await firefox.stop();
    }
  });
}

function take(page, look, name) {
  return page.tab.screenshot({ path: path.join(FOLDER, look, `${name}.png`), animations: 'disabled' });
}
