/** Asks for the groups that did not fit into `ready` (`partial`), one after the other. */
import type { Id, Ready } from "./contract";
import type { RequestData } from "./api";
import { isFailure } from "./failure";
import type { Requests } from "./requests";

export interface Completion {
  ready(ready: Pick<Ready, "groups">): void;
  /** The connection is gone: the next `ready` begins anew. */
  lost(): void;
}

interface Needs {
  request: Requests["request"];
  group(answer: RequestData<"group:get">): void;
  /** All that could be had are here. Not called where nothing was missing. */
  done(): void;
}

/** What was asked for in vain is asked for again: until then nothing counts as read there. */
const AGAIN_MS = 5_000;

export function createCompletion({ request, group, done }: Needs): Completion {
  /** Counts connections. */
  let generation = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function complete(missing: readonly Id[], mine: number): Promise<void> {
    const failed: Id[] = [];
    for (const groupId of missing) {
      try {
        const answer = await request("group:get", { groupId });
        if (mine !== generation) return;
        group(answer);
      } catch (error) {
        if (mine !== generation) return;
        // Left or deleted meanwhile: a push says so.
        if (!isFailure(error, "group_not_found", "forbidden")) failed.push(groupId);
      }
    }
    if (failed.length === 0) done();
    else timer = setTimeout(() => void complete(failed, mine), AGAIN_MS);
  }

  function lost(): void {
    generation += 1;
    clearTimeout(timer);
  }

  return {
    ready({ groups }) {
      lost();
      const missing = groups.filter(({ partial }) => partial).map(({ id }) => id);
      if (missing.length > 0) void complete(missing, generation);
    },
    lost,
  };
}
