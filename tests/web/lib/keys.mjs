/** Moving with the keyboard alone, as somebody does who looks where the focus is. */
import assert from 'node:assert/strict';

/** More stops than any view has. */
const STOPS_MAX = 60;

export class Keys {
  constructor(tab) {
    this.tab = tab;
  }

  press(key) {
    return this.tab.keyboard.press(key);
  }

  type(text) {
    return this.tab.keyboard.type(text);
  }

  /** Presses `key` until the focus is on the element, or with `within` on something inside it. */
  async until(key, target, { within = false } = {}) {
    await target.waitFor();
    const arrived = () => target.evaluate((element, inside) => (inside ? element.contains(document.activeElement) : element === document.activeElement), within);
    for (let stops = 0; !(await arrived()); stops += 1) {
      assert.ok(stops < STOPS_MAX, `${key} does not lead to ${target}; the focus is on ${await this.focused()}`);
      await this.press(key);
    }
  }

  tabTo(target) {
    return this.until('Tab', target);
  }

  tabBackTo(target, options) {
    return this.until('Shift+Tab', target, options);
  }

  /** Into a list that is one stop, then with the arrows. */
  async arrowTo(list, target, { back = false, arrow = 'ArrowDown' } = {}) {
    await this.until(back ? 'Shift+Tab' : 'Tab', list, { within: true });
    await this.until(arrow, target);
  }

  focused() {
    return this.tab.evaluate(() => document.activeElement?.outerHTML.slice(0, 200));
  }
}
