/** Which of an answer's remarks are still worth reading. */
import type { Problem } from "@parlor/shared/api/types.ts";

/** "Trying again" is news until something else happens: how it ended says the rest. */
export function worthReading(notices: readonly Problem[], live: boolean): readonly Problem[] {
  return notices.filter(
    ({ code }, index) => code !== "retrying" || (live && index === notices.length - 1),
  );
}
