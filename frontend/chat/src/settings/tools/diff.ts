/** What is gone and what is new between two texts, word by word. */

export interface Piece {
  readonly kind: "same" | "gone" | "new";
  readonly text: string;
}

/** Longer texts are told as a whole: comparing takes the product of their lengths. */
const MOST = 1500;

function joined(pieces: readonly Piece[]): Piece[] {
  const list: Piece[] = [];
  for (const piece of pieces) {
    const last = list.at(-1);
    if (last?.kind === piece.kind)
      list[list.length - 1] = { ...last, text: last.text + piece.text };
    else if (piece.text !== "") list.push(piece);
  }
  return list;
}

/** `table[i][j]`: how many words the rests from i and from j have in common, in order. */
function commonRests(before: readonly string[], now: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: before.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const same = before[i] === now[j];
      const row = table[i];
      if (!row) continue;
      row[j] = same
        ? (table[i + 1]?.[j + 1] ?? 0) + 1
        : Math.max(table[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}

export function difference(before: string, now: string): readonly Piece[] {
  const old = before.split(/(?<=\s)(?=\S)/);
  const fresh = now.split(/(?<=\s)(?=\S)/);
  if (old.length > MOST || fresh.length > MOST) {
    return joined([
      { kind: "gone", text: before },
      { kind: "new", text: now },
    ]);
  }
  const table = commonRests(old, fresh);
  const pieces: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < fresh.length) {
    const [gone, added] = [old[i], fresh[j]];
    if (gone !== undefined && gone === added) {
      pieces.push({ kind: "same", text: gone });
      i += 1;
      j += 1;
    } else if (gone !== undefined && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0)) {
      pieces.push({ kind: "gone", text: gone });
      i += 1;
    } else if (added !== undefined) {
      pieces.push({ kind: "new", text: added });
      j += 1;
    } else {
      pieces.push({ kind: "gone", text: gone ?? "" });
      i += 1;
    }
  }
  return joined(pieces);
}
