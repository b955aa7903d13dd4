/** The texts with which an answer tries to become script: every seed in several places of it. */
import { HTML, MARKDOWN, MATHS } from "./seeds.ts";

export const SEEDS: readonly string[] = [...new Set([...HTML, ...MARKDOWN, ...MATHS])];

const PLACES: ((payload: string) => string)[] = [
  (payload) => payload,
  (payload) => `# ${payload}`,
  (payload) => `- ${payload}\n- **${payload}**`,
  (payload) => `> ${payload}`,
  (payload) => `| a |\n|---|\n| ${payload.replace(/\n/g, " ")} |`,
];

/** Every seed in every place, a blank line between them. */
export const PAYLOADS: readonly string[] = SEEDS.flatMap((seed) =>
  PLACES.map((place) => place(seed)),
);

/** Never finished: what was opened in one runs on into the next. */
export const UNCLOSED: readonly string[] = SEEDS.flatMap((seed) =>
  [0.4, 0.7].map((share) => seed.slice(0, Math.ceil(seed.length * share))),
);

/** Answers that end in the middle of something. */
export const CUT_SHORT: readonly string[] = [
  "```html\n<script>window.hacked=1</script>\n<img src=x onerror=window.hacked=1",
  "[x](javascript:window.hacked=1",
  "[x](https://outside.invalid/?q=",
  "![x](https://outside.invalid/p.png",
  "$\\href{javascript:window.hacked=1}{x",
  "$$\\text{<img src=x onerror=window.hacked=1>",
  "<img src=x onerror=window.hacked=1 ",
  "<script>window.hacked=1",
  "<!-- <img src=x onerror=window.hacked=1>",
  "&#60;script&#62;window.hacked=1&#60;/script&#6",
  "[x](&#106;avascript:window.hacked=1) [y](&#10",
  "| a | <img src=x onerror=window.hacked=1> |\n|---|--",
];

/** The texts in answers of a length that people see, one line between each two. */
export function answersOf(texts: readonly string[], between: string, length = 8000): string[] {
  const answers: string[] = [];
  let held = "";
  for (const text of texts) {
    held += held === "" ? text : between + text;
    if (held.length < length) continue;
    answers.push(held);
    held = "";
  }
  return held === "" ? answers : [...answers, held];
}
