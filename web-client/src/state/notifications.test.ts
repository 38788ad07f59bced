import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AppState } from "./app.svelte";
import { createSettings } from "./settings.svelte";
import { FakeClient, keepsSettings } from "./testing/fake-client";
import { BOB, joined, ME, message, ready } from "./testing/make";

const shown: FakeNotification[] = [];

class FakeNotification {
  static permission = "default";
  static requestPermission = async () => (FakeNotification.permission = "granted");
  onclick: (() => void) | null = null;
  closed = false;
  constructor(
    readonly title: string,
    readonly options: NotificationOptions,
  ) {
    shown.push(this);
  }
  close(): void {
    this.closed = true;
  }
}

let client: FakeClient;
let app: AppState;
let focused: boolean;

const settle = () => vi.advanceTimersByTimeAsync(1100);

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  shown.length = 0;
  focused = false;
  FakeNotification.permission = "default";
  vi.stubGlobal("Notification", FakeNotification);
  vi.spyOn(document, "hasFocus").mockImplementation(() => focused);
  client = new FakeClient(ME);
  keepsSettings(client);
  app = new AppState(client);
  await app.start();
  client.online(ready({ groups: [joined("1", ["10", "11"])] }));
  await app.notifications.ask();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function arrives(...args: Parameters<typeof message>): Promise<void> {
  client.push("message:created", message(...args));
  await settle();
}

describe("notifications", () => {
  it("say who wrote what and where, and open it with a click", async () => {
    expect(app.notifications.permission).toBe("granted");
    app.navigation.openChannel("11");
    await arrives("50", "10", BOB, { content: `hello <@${ME.id}>` });
    expect(shown).toMatchObject([
      {
        title: "\u2068bob\u2069 (\u2068channel10\u2069)",
        options: { body: "hello \u2068@ada\u2069", tag: "10" },
      },
    ]);
    shown[0]?.onclick?.();
    expect(app.navigation.route).toEqual({ view: "channel", channelId: "10", messageId: "50" });
    expect(shown[0]?.closed).toBe(true);
  });

  it("are not shown to who looks at the page, nor without permission", async () => {
    focused = true;
    await arrives("50", "10");
    focused = false;
    FakeNotification.permission = "denied";
    FakeNotification.requestPermission = async () => "denied";
    await app.notifications.ask();
    await arrives("51", "10");
    expect(shown).toEqual([]);
    FakeNotification.requestPermission = async () => (FakeNotification.permission = "granted");
  });

  it("of a burst come one a second and channel, but every mention", async () => {
    for (let i = 0; i < 20; i++) client.push("message:created", message(`${50 + i}`, "10"));
    client.push("message:created", message("90", "10", BOB, { mentions: [ME.id] }));
    client.push("message:created", message("91", "11"));
    await settle();
    expect(shown.map(({ options }) => options.tag)).toEqual(["10", "10", "11"]);
    await arrives("92", "10");
    expect(shown).toHaveLength(4);
  });

  it("go with the person they were for", async () => {
    await arrives("50", "10");
    await arrives("51", "11");
    await app.account.signOut();
    expect(shown.map(({ closed }) => closed)).toEqual([true, true]);
    app.navigation.go({ view: "home" });
    shown[0]?.onclick?.();
    expect(app.navigation.route).toEqual({ view: "home" });
  });

  it("go with the page: a click on them would lead nowhere", async () => {
    await arrives("50", "10");
    window.dispatchEvent(new Event("pagehide"));
    expect(shown.map(({ closed }) => closed)).toEqual([true]);
  });

  it("keep their level in the account", async () => {
    app.notifications.setLevel("10", "none");
    await arrives("50", "10", BOB, { mentions: [ME.id] });
    expect(shown).toEqual([]);
    expect(app.notifications.level("11")).toBe("all");
    expect(client.requests).toContainEqual({
      event: "settings:update",
      payload: { settings: { "web.level.10": "none" } },
    });
    client.push("settings:updated", { settings: { "web.level.11": "mentions" } });
    expect(app.notifications.level("10")).toBe("all");
    expect(app.notifications.level("11")).toBe("mentions");
  });
});

it("settings are kept, and followed from another tab", () => {
  const settings = createSettings();
  const otherTab = createSettings();
  settings.theme = "dark";
  expect(createSettings().theme).toBe("dark");
  expect(otherTab.theme).toBe("system");
  window.dispatchEvent(new StorageEvent("storage", { key: "vibetalk.settings" }));
  expect(otherTab.theme).toBe("dark");
});
