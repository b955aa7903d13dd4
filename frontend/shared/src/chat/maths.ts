/** TeX between $…$, $$…$$, \(…\) and \[…\], as marked extensions. */
import type { TokenizerAndRendererExtension } from "marked";

export interface MathsToken {
  type: "maths";
  raw: string;
  tex: string;
  display: boolean;
}

function token(match: RegExpExecArray | null, display: boolean): MathsToken | undefined {
  const tex = match?.[1]?.trim();
  return match && tex ? { type: "maths", raw: match[0], tex, display } : undefined;
}

const BLOCKS = [
  /^ {0,3}\$\$((?:\\[\s\S]|[^\\$])+?)\$\$[ \t]*(?:\n+|$)/,
  /^ {0,3}\\\[([\s\S]+?)\\\][ \t]*(?:\n+|$)/,
];

export const blockMaths: TokenizerAndRendererExtension = {
  name: "blockMaths",
  level: "block",
  start: (source) => /(?:^|\n) {0,3}(?:\$\$|\\\[)/.exec(source)?.index,
  tokenizer(source) {
    for (const pattern of BLOCKS) {
      const found = token(pattern.exec(source), true);
      if (found) return found;
    }
    return undefined;
  },
};

const DISPLAY_INLINE = [/^\$\$((?:\\[\s\S]|[^\\$])+?)\$\$/, /^\\\[([\s\S]+?)\\\]/];

/** Prices are no maths: nothing after `$5 and ` closes it, and a digit may not follow. */
const INLINE = [/^\$(?![\s$])((?:\\.|[^$\\\n])*?[^\s\\$])\$(?![\d$])/, /^\\\(([\s\S]+?)\\\)/];

export const inlineMaths: TokenizerAndRendererExtension = {
  name: "inlineMaths",
  level: "inline",
  start: (source) => /\$|\\[([]/.exec(source)?.index,
  tokenizer(source) {
    for (const pattern of DISPLAY_INLINE) {
      const found = token(pattern.exec(source), true);
      if (found) return found;
    }
    for (const pattern of INLINE) {
      const found = token(pattern.exec(source), false);
      if (found) return found;
    }
    return undefined;
  },
};
