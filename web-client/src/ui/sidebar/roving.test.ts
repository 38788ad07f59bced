import { beforeEach, describe, expect, it } from "vitest";
import { roving } from "./roving";

let list: HTMLElement;

beforeEach(() => {
  document.body.innerHTML = `<ul>${["alpha", "beta", "gamma"].map((name) => `<li><a href="#" data-roving>${name}</a></li>`).join("")}</ul>`;
  list = document.querySelector("ul")!;
});

const links = () => [...list.querySelectorAll("a")];
const stops = () => links().filter((link) => link.tabIndex === 0);
const press = (key: string, options: KeyboardEventInit = {}) =>
  document.activeElement!.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }),
  );

describe("roving", () => {
  it("is one Tab stop: the current item", () => {
    links()[1]!.setAttribute("aria-current", "page");
    roving(list);
    expect(stops().map((stop) => stop.textContent)).toEqual(["beta"]);
  });

  it("moves with the arrows, and stops at the ends", () => {
    roving(list);
    links()[0]!.focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) press(key);
    expect(document.activeElement?.textContent).toBe("gamma");
    press("Home");
    press("ArrowUp");
    expect(document.activeElement?.textContent).toBe("alpha");
    expect(stops()).toHaveLength(1);
  });

  it("finds by letter", () => {
    roving(list);
    links()[2]!.focus();
    press("b");
    expect(document.activeElement?.textContent).toBe("beta");
  });

  it("leaves shortcuts alone", () => {
    roving(list);
    links()[0]!.focus();
    press("ArrowDown", { altKey: true });
    expect(document.activeElement?.textContent).toBe("alpha");
  });
});
