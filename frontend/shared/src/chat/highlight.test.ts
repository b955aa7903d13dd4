import { expect, test } from "vitest";

import { highlight, runsOf } from "./highlight.ts";

const CODE = `const a = "<b>&amp;'";\n// </span><script>alert(1)</script>\nfunction f() { return \`\${a}\`; }\n`;

test("colours change no character of the code", () => {
  for (const language of ["js", "html", "python", "bash", "sql", "yaml", "diff"]) {
    const runs = highlight(CODE, language) ?? [];
    expect(runs.map((run) => run.text).join("")).toBe(CODE);
  }
});

test("keywords and strings are told apart", () => {
  const runs = highlight(CODE, "js") ?? [];
  expect(runs[0]).toEqual({ text: "const", scope: "hljs-keyword" });
});

test("an unknown language stays plain", () => {
  expect(highlight(CODE, "klingon")).toBeNull();
});

test("a stray bracket in the highlighter's output is text", () => {
  expect(runsOf('a < <span class="x">b</span>').map((run) => run.text)).toEqual([
    "a ",
    "<",
    " ",
    "b",
  ]);
});
