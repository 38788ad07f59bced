/** What happened to the reader, as a toast that stays until it is closed: they were moved away from what they read. */
import { untrack } from "svelte";
import { m } from "../i18n";
import type { Notice, Notices } from "../state/api";
import { toasts } from "./parts/toasts.svelte";

const TEXTS: Record<Notice["kind"], (input: { name: string }) => string> = {
  groupGone: m.groups_notice_group_gone,
  channelGone: m.groups_notice_channel_gone,
  channelUnknown: m.failure_channel_not_found,
  settingRefused: m.setting_refused,
};

export function showNotices(notices: Notices): void {
  const { current } = notices;
  untrack(() => {
    for (const { id, kind, name } of current) {
      toasts.show({ text: TEXTS[kind]({ name }), durationMs: 0 });
      notices.dismiss(id);
    }
  });
}
