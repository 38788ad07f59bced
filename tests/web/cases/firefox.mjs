/** What Firefox draws in a way of its own. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { startFirefox } from '../lib/firefox.mjs';
import { FAILURES } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

const SCENE_MS = 180_000;

test('scrollbars are thin and in the colours of the theme, in Firefox, too', { timeout: SCENE_MS }, async () => {
  const { channelId, owner, people: [ada] } = await club('Ada');
  for (let number = 1; number <= 60; number += 1) await owner.say(channelId, `line ${number}`);
  const firefox = await startFirefox({ dark: true });
  try {
    await firefox.signIn(`${vt.server.url}/c/${channelId}`, ada.person);
    await firefox.sees(() => document.querySelector('main ol')?.innerText.includes('line 1') === true);
    const bars = await firefox.evaluate(() => [...document.querySelectorAll('.scroll')].map((element) => {
      const { scrollbarWidth, scrollbarColor } = getComputedStyle(element);
      return { scrollbarWidth, scrollbarColor, widthPx: element.offsetWidth - element.clientWidth };
    }));
    assert.ok(bars.some(({ widthPx }) => widthPx > 0), 'something scrolls');
    for (const { scrollbarWidth, scrollbarColor, widthPx } of bars) {
      assert.equal(scrollbarWidth, 'thin');
      assert.equal(scrollbarColor, 'rgb(240, 240, 240) rgba(0, 0, 0, 0)');
      assert.ok(widthPx <= 10, `a scrollbar of ${widthPx} px`);
    }
  } catch (cause) {
    await mkdir(FAILURES, { recursive: true });
    await firefox.screenshot(path.join(FAILURES, 'firefox.png'));
    throw cause;
  } finally {
    await firefox.stop();
  }
});
