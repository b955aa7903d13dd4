/** Colours for code. Loaded when the first code block with a known language is seen. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

import { decodeEntities } from "./entities.ts";

export interface Run {
  readonly text: string;
  /** CSS classes, empty for plain text. */
  readonly scope: string;
}

const LANGUAGES = {
  bash, cpp, css, diff, go, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml,
}; // prettier-ignore

for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
hljs.registerAliases(["console", "shell-session"], { languageName: "bash" });
hljs.registerAliases(["svelte", "vue"], { languageName: "xml" });
hljs.registerAliases(["jsonc", "json5"], { languageName: "json" });

/** The highlighter writes HTML of exactly two shapes, spans and escaped text; it is read back into
 * runs, so that code gets on the screen as text nodes like everything else. */
export function runsOf(html: string): Run[] {
  const runs: Run[] = [];
  const scopes: string[] = [];
  for (const [piece] of html.matchAll(/<span class="[^"]*">|<\/span>|[^<]+|</g)) {
    if (piece === "</span>") scopes.pop();
    else if (piece.startsWith('<span class="')) scopes.push(piece.slice(13, -2));
    else runs.push({ text: decodeEntities(piece), scope: scopes.join(" ") });
  }
  return runs;
}

export function highlight(code: string, language: string): Run[] | null {
  if (!hljs.getLanguage(language)) return null;
  return runsOf(hljs.highlight(code, { language, ignoreIllegals: true }).value);
}
