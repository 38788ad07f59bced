/** axe finds nothing serious in any view, and a sound outline, in light and in dark, on a desktop and on a phone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { lively } from '../lib/lively.mjs';
import { scene } from '../lib/stage.mjs';
import { phoneTour, tour } from '../lib/tour.mjs';

// Evaluated by the debugger, because the page's content policy refuses a script tag.
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SERIOUS = ['serious', 'critical'];
/** What people find their way by; axe itself ranks these as moderate. */
const OUTLINE = ['heading-order', 'landmark-unique', 'landmark-one-main', 'landmark-no-duplicate-main', 'page-has-heading-one', 'region'];

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

async function violations(tab) {
  await tab.evaluate(`${axe};0`);
  const found = await tab.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations);
  return found.filter(({ id, impact }) => SERIOUS.includes(impact) || OUTLINE.includes(id)).flatMap(({ id, nodes }) => nodes.slice(0, 5).map(({ target, any }) => `${id}: ${target.join(' ')} ${any[0]?.message ?? ''}`));
}
