import { describe, expect, test } from "vitest";

import { type Block, type Inline, MarkdownStream, parseMarkdown } from "./markdown.ts";

const RICH = `# Title with <b>tags</b>

A *first* paragraph with \`code\`, ~~gone~~ and **bold *both***.
Second line  
after a break.

- one
  continued
- [x] done

  still the same item
    - deeper
1. first
   \`\`\`python
   x = "<script>"
   \`\`\`
3. third

| a | b |
|---|:-:|
| 1<br>2 | $x^2$ |

> quoted
lazily
> - and a list

$$
E = mc^2
$$

![photo](https://pictures.example/a.png?x=1) and [a link][ref], <https://example.org>.

<script>alert(1)</script>

Setext
======

\`\`\`js
const a = 1;

const b = 2;
\`\`\`

---

Costs $5 and $10, \\(a_b\\), AT&amp;T &copy; \\*literal\\*.

[ref]: https://example.org/ref
`;

const NASTY = [
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<ScRiPt>alert(1)</sCrIpT>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>",
  "[x](javascript:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](&#x6A;avascript&colon;alert(1))",
  "[x](JAVASCRIPT&#58;alert(1))",
  "<javascript:alert(1)>",
  "[x][y]\n\n[y]: javascript:alert(1)",
  "![x](javascript:alert(1))",
  "![x](data:text/html;base64,PHNjcmlwdD4=)",
  '[x](https://ok.example "onmouseover=alert(1)")',
  "<!-- --><img src=x onerror=alert(1)>",
  "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
  "`</code><script>alert(1)</script>`",
  '```html"onload="alert(1)\n<script>\n```',
  "$\\href{javascript:alert(1)}{x}$",
];

type Seen = { links: string[]; texts: string[] };

function walkInlines(inlines: Inline[], seen: Seen): void {
  for (const inline of inlines) {
    if (inline.type === "link" || inline.type === "image") seen.links.push(inline.href);
    if ("text" in inline) seen.texts.push(inline.text);
    if ("children" in inline) walkInlines(inline.children, seen);
  }
}

function walk(blocks: Block[], seen: Seen = { links: [], texts: [] }): Seen {
  for (const block of blocks) {
    if ("children" in block) walkInlines(block.children, seen);
    if ("blocks" in block) walk(block.blocks, seen);
    if (block.type === "list") for (const item of block.items) walk(item.blocks, seen);
    if (block.type === "table") {
      for (const cell of [...block.header, ...block.rows.flat()]) walkInlines(cell, seen);
    }
    if (block.type === "source" || block.type === "code") seen.texts.push(block.text);
  }
  return seen;
}

describe("while an answer grows", () => {
  test("its blocks end up as if it had been read at once", () => {
    const stream = new MarkdownStream();
    let blocks: Block[] = [];
    const body = RICH.replace("[a link][ref]", "a link");
    for (let end = 1; end <= body.length; end++) blocks = stream.update(body.slice(0, end));
    expect(blocks).toEqual(parseMarkdown(body));
  });

  test("blocks before the last one are not made anew", () => {
    const stream = new MarkdownStream();
    const before = stream.update("One.\n\nTwo.\n\nThr");
    const after = stream.update("One.\n\nTwo.\n\nThree");
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).not.toBe(before[2]);
  });

  test.each([
    ["See [the p", "See"],
    ["See [the page](https://exa", "See"],
    ["See ![A loaf]", "See"],
    ["A list:\n\n- one\n- [x", "A list:one"],
    ["It is [1] o", "It is [1] o"],
    ["```js\nconst loaves = [1, 2", "const loaves = [1, 2"],
  ])("%j shows nothing of a link that is half there", (growing, shown) => {
    const { texts } = walk(new MarkdownStream().update(growing));
    expect(texts.join("").trimEnd()).toBe(shown);
  });

  test("another text starts afresh", () => {
    const stream = new MarkdownStream();
    stream.update("One.\n\nTwo.\n\nThree");
    expect(stream.update("Other.")).toEqual(parseMarkdown("Other."));
  });

  test.each(NASTY)("%j opens no way out at any cut", (payload) => {
    const stream = new MarkdownStream();
    for (let end = 1; end <= payload.length; end++) {
      const { links } = walk(stream.update(payload.slice(0, end)));
      for (const link of links) expect(link).toMatch(/^(https?|mailto|tel):/);
    }
    expect(walk(parseMarkdown(payload)).links.filter((href) => !href.startsWith("https:"))).toEqual(
      [],
    );
  });
});

describe("an answer", () => {
  test("shows the tags a model wrote as text", () => {
    const { texts } = walk(parseMarkdown("before <b onclick=x>bold</b>\n\n<script>a()</script>"));
    expect(texts.join("")).toContain("<b onclick=x>");
    expect(texts.join("")).toContain("<script>a()</script>");
  });

  test("loads no picture from elsewhere: it is a link that names the host", () => {
    const [block] = parseMarkdown("![A loaf](https://pictures.example/p.png)");
    expect(block).toEqual({
      type: "paragraph",
      children: [
        {
          type: "image",
          href: "https://pictures.example/p.png",
          host: "pictures.example",
          alt: "A loaf",
        },
      ],
    });
  });

  test("says where a link leads when its words name another host", () => {
    const [block] = parseMarkdown("[bank.example](https://evil.example/)");
    expect(block).toMatchObject({ children: [{ type: "link", note: "evil.example" }] });
  });

  test("finds formulas and leaves prices alone", () => {
    const maths = (text: string) =>
      JSON.stringify(parseMarkdown(text)).match(/"tex":"[^"]*"/g) ?? [];
    expect(maths("$x^2$ and \\(y\\) and $$z$$ and \\[w\\]")).toHaveLength(4);
    expect(maths("It costs $5 and $10, or $5-$10.")).toEqual([]);
    expect(maths("`$x$`")).toEqual([]);
  });

  test("survives a model that opens very many brackets", () => {
    for (const text of ["[".repeat(5000), "*".repeat(5000), "> ".repeat(300), "$".repeat(3000)]) {
      const begun = performance.now();
      parseMarkdown(text);
      expect(performance.now() - begun).toBeLessThan(2000);
    }
  });
});
