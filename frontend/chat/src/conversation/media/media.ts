/** Pictures and sounds that tools gave: where they are, and what they are called. */
import type { Media } from "@parlor/shared/api/types.ts";

export interface Exhibit {
  readonly id: string;
  readonly kind: "picture" | "sound";
  readonly address: string;
  /** For those who do not see or hear it. */
  readonly name: string;
}

function kindOf(media: Media): Exhibit["kind"] {
  return media.media_type.startsWith("image/") ? "picture" : "sound";
}

/** In their order; several of a kind are counted. */
export function exhibits(all: readonly Media[], tool: string): Exhibit[] {
  return all.map((media) => {
    const kind = kindOf(media);
    const alike = all.filter((one) => kindOf(one) === kind);
    const place = `${String(alike.indexOf(media) + 1)} of ${String(alike.length)} `;
    const word = kind === "picture" ? "Picture" : "Sound";
    return {
      id: media.file_id,
      kind,
      address: `/api/uploads/${encodeURIComponent(media.file_id)}/content`,
      name: `${word} ${alike.length > 1 ? place : ""}from ${tool}`,
    };
  });
}
