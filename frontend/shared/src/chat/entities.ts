/** HTML entities as models write them. No HTML is ever parsed here, so they are read by hand; an
 * unknown name stays as it stands. */

const NAMED: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®",
  trade: "™", hellip: "…", mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“",
  rdquo: "”", laquo: "«", raquo: "»", bull: "•", middot: "·", times: "×", divide: "÷",
  plusmn: "±", minus: "−", deg: "°", micro: "µ", para: "¶", sect: "§", euro: "€", pound: "£",
  cent: "¢", yen: "¥", frac12: "½", frac14: "¼", frac34: "¾", larr: "←", rarr: "→", uarr: "↑",
  darr: "↓", harr: "↔", rArr: "⇒", infin: "∞", ne: "≠", le: "≤", ge: "≥", asymp: "≈",
  sum: "∑", radic: "√", alpha: "α", beta: "β", gamma: "γ", delta: "δ", lambda: "λ", mu: "μ",
  pi: "π", sigma: "σ", omega: "ω", check: "✓", cross: "✗", ensp: "\u2002", emsp: "\u2003",
  thinsp: "\u2009", shy: "\u00ad", zwnj: "\u200c", zwj: "\u200d", lbrace: "{", rbrace: "}",
  lbrack: "[", rbrack: "]", lpar: "(", rpar: ")", vert: "|", ast: "*", lowbar: "_", num: "#",
  colon: ":", Tab: "\t", NewLine: "\n",
}; // prettier-ignore

function numbered(code: number): string {
  const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return valid ? String.fromCodePoint(code) : "\ufffd";
}

export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z][a-z0-9]{1,9}));/gi,
    (whole, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (hex !== undefined) return numbered(Number.parseInt(hex, 16));
      if (decimal !== undefined) return numbered(Number.parseInt(decimal, 10));
      return (name === undefined ? undefined : NAMED[name]) ?? whole;
    },
  );
}
