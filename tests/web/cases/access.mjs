/** axe finds nothing serious in any view, and a sound outline, in light and in dark, on a desktop and on a phone. */
import assert from 'node:assert/strict';
import { violations } from '../lib/axe.mjs';
import { lively } from '../lib/lively.mjs';
import { scene } from '../lib/stage.mjs';
import { phoneTour, tour } from '../lib/tour.mjs';

let world;
for (const [way, walk] of Object.entries({ desktop: tour, phone: phoneTour })) {
  for (const colorScheme of ['light', 'dark']) {
    scene(`axe has no serious finding, and none in the outline, on a ${way} in ${colorScheme}`, async (stage) => {
      world ??= await lively();
      const findings = {};
      for await (const { name, page } of walk(stage, world, { colorScheme, reducedMotion: 'reduce' })) {
        const found = await violations(page.tab);
        if (found.length > 0) findings[name] = found;
      }
      assert.deepEqual(findings, {});
    });
  }
}
