/**
 * Opens the card of a person beside what was clicked: a row of the member list, a name in the timeline. The card
 * is its own chunk; only one is open at a time, because a popover closes the one before it.
 */
import { mount, unmount } from "svelte";
import { attempt } from "../groups/attempt";

export interface Profile {
  userId: string;
  /** Where the person was met; null in direct channels. */
  groupId: string | null;
  anchor: HTMLElement;
}

export async function openProfile(profile: Profile): Promise<void> {
  await attempt(
    import("./ProfileCard.svelte").then(({ default: ProfileCard }) => {
      if (!profile.anchor.isConnected) return;
      const card = mount(ProfileCard, {
        // What is outside of a modal dialog cannot be used.
        target: profile.anchor.closest("dialog") ?? document.body,
        props: { ...profile, onclose: () => void unmount(card) },
      });
    }),
  );
}
