/** What axe finds in a page that is serious, or wrong with its outline. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// Evaluated by the debugger, because the page's content policy refuses a script tag.
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SERIOUS = ['serious', 'critical'];
/** What people find their way by; axe itself ranks these as moderate. */
const OUTLINE = ['heading-order', 'landmark-unique', 'landmark-one-main', 'landmark-no-duplicate-main', 'page-has-heading-one', 'region'];

export async function violations(tab) {
  await tab.evaluate(`${axe};0`);
  const found = await tab.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations);
  return found.filter(({ id, impact }) => SERIOUS.includes(impact) || OUTLINE.includes(id)).flatMap(({ id, nodes }) => nodes.slice(0, 5).map(({ target, any }) => `${id}: ${target.join(' ')} ${any[0]?.message ?? ''}`));
}
