/** Markdown of a model -> a small tree of our own, from which elements are made one by one.
 * No HTML text is ever made of an answer, so there is nothing in it that could become a script. */
import { Marked, type MarkedToken, type Token, type Tokens, type TokensList } from "marked";

import { decodeEntities } from "./entities.ts";
import { deceives, safeLink } from "./links.ts";
import { blockMaths, inlineMaths, type MathsToken } from "./maths.ts";

export type Inline =
  | { type: "text" | "code"; text: string }
  | { type: "strong" | "em" | "del"; children: Inline[] }
  | { type: "link"; href: string; note: string; children: Inline[] }
  | { type: "image"; href: string; host: string; alt: string }
  | { type: "maths"; tex: string; display: boolean }
  | { type: "break" };

export interface ListItem {
  /** Null when the item is no task. */
  checked: boolean | null;
  blocks: Block[];
}

export type Align = "center" | "left" | "right" | null;

export type Block =
  | { type: "paragraph" | "tight"; children: Inline[] }
  | { type: "heading"; depth: number; children: Inline[] }
  | { type: "code"; language: string; text: string }
  | { type: "quote"; blocks: Block[] }
  | { type: "list"; ordered: boolean; start: number; items: ListItem[] }
  | { type: "table"; align: Align[]; header: Inline[][]; rows: Inline[][][] }
  | { type: "maths"; tex: string }
  | { type: "source"; text: string }
  | { type: "rule" };

type Known = MarkedToken | MathsToken;
type Links = TokensList["links"];

const marked = new Marked({ gfm: true, extensions: [blockMaths, inlineMaths] });

function lex(source: string, links: Links): TokensList {
  const lexer = new marked.Lexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  return lexer.lex(source);
}

export function textOf(children: readonly Inline[]): string {
  return children
    .map((child) =>
      "children" in child ? textOf(child.children) : "text" in child ? child.text : "",
    )
    .join("");
}

function noteOn(label: string, host: string, carries: number): string {
  if (carries > 0) return `sends ${String(carries)} characters to ${host}`;
  return deceives(label, host) ? host : "";
}

function linkOf(token: Tokens.Link): Inline[] {
  const children = inlines(token.tokens);
  const link = safeLink(decodeEntities(token.href));
  if (!link) return children;
  const note = noteOn(textOf(children), link.host, link.carries);
  return [{ type: "link", href: link.href, note, children }];
}

/** Foreign pictures never load by themselves: their address alone could carry words away. */
function imageOf(token: Tokens.Image): Inline {
  const link = safeLink(decodeEntities(token.href));
  const alt = decodeEntities(token.text);
  if (!link || link.host === "") return { type: "text", text: alt === "" ? token.raw : alt };
  return { type: "image", href: link.href, host: link.host, alt };
}

function tagOf(raw: string): Inline {
  return /^<br\s*\/?>$/i.test(raw) ? { type: "break" } : { type: "text", text: raw };
}

function inline(token: Known): Inline[] {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return [{ type: token.type, children: inlines(token.tokens) }];
    case "codespan":
      return [{ type: "code", text: token.text }];
    case "link":
      return linkOf(token);
    case "image":
      return [imageOf(token)];
    case "br":
      return [{ type: "break" }];
    case "maths":
      return [{ type: "maths", tex: token.tex, display: token.display }];
    case "text":
      if (token.tokens) return inlines(token.tokens);
      return [{ type: "text", text: decodeEntities(token.text) }];
    case "escape":
      return [{ type: "text", text: token.text }];
    case "html":
      return [tagOf(token.raw)];
    case "checkbox":
      return [];
    default:
      return [{ type: "text", text: token.raw }];
  }
}

function inlines(tokens: readonly Token[] | undefined): Inline[] {
  return (tokens ?? []).flatMap((token) => inline(token as Known));
}

function listOf(token: Tokens.List): Block {
  const items = token.items.map((item) => ({
    checked: item.task ? item.checked === true : null,
    blocks: blocks(item.tokens),
  }));
  const start = token.start === "" ? 1 : token.start;
  return { type: "list", ordered: token.ordered, start, items };
}

function tableOf(token: Tokens.Table): Block {
  return {
    type: "table",
    align: token.align,
    header: token.header.map((cell) => inlines(cell.tokens)),
    rows: token.rows.map((row) => row.map((cell) => inlines(cell.tokens))),
  };
}

function block(token: Known): Block[] {
  switch (token.type) {
    case "paragraph":
      return [{ type: "paragraph", children: inlines(token.tokens) }];
    case "heading":
      return [{ type: "heading", depth: token.depth, children: inlines(token.tokens) }];
    case "code":
      return [{ type: "code", language: languageOf(token.lang), text: token.text }];
    case "blockquote":
      return [{ type: "quote", blocks: blocks(token.tokens) }];
    case "list":
      return [listOf(token)];
    case "table":
      return [tableOf(token)];
    case "maths":
      return [{ type: "maths", tex: token.tex }];
    case "hr":
      return [{ type: "rule" }];
    case "html":
      return [{ type: "source", text: token.raw.trimEnd() }];
    case "space":
    case "def":
    case "checkbox":
      return [];
    default:
      return [{ type: "tight", children: inline(token) }];
  }
}

function blocks(tokens: readonly Token[]): Block[] {
  return tokens.flatMap((token) => block(token as Known));
}

function languageOf(info: string | undefined): string {
  return /^[\w+#.-]{1,30}/.exec(info ?? "")?.[0].toLowerCase() ?? "";
}

function unified(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

export function parseMarkdown(text: string): Block[] {
  return blocks(lex(unified(text), {}));
}

/** Where reading has to begin again when more text comes: at the last block, or one before it as
 * long as its first line is not complete. ("3" looks like a paragraph, "3. x" goes on with a list.) */
function firstOpen(tokens: readonly Token[]): number {
  const real = tokens.flatMap((token, index) => (token.type === "space" ? [] : [index]));
  const last = real.at(-1);
  if (last === undefined) return 0;
  const certain = tokens[last]?.raw.includes("\n") === true || last < tokens.length - 1;
  return (certain ? last : real.at(-2)) ?? 0;
}

const LOOSE_END = /!?\[[^[\]\n]{0,200}(?:\](?:\([^()\s]{0,500})?)?$/;
const LONGEST_LOOSE = 710;
const FENCE = /^ *(?:```|~~~)/gm;

/** Without the link or picture at its end that is only half there: its source would flash by. In
 * code a bracket is just that. */
function withoutLooseEnd(growing: string): string {
  const [loose] = LOOSE_END.exec(growing.slice(-LONGEST_LOOSE)) ?? [""];
  const isCode = loose !== "" && (growing.match(FENCE) ?? []).length % 2 === 1;
  return isCode ? growing : growing.slice(0, growing.length - loose.length);
}

/** An answer while it grows: what is before the last block is settled and not read again. */
export class MarkdownStream {
  #settledText = "";
  #settled: Block[] = [];
  #links: Links = {};
  /** What the last reading made of the open blocks, by their source. */
  #open = new Map<string, Block[]>();

  update(raw: string): Block[] {
    const text = unified(raw);
    if (!text.startsWith(this.#settledText)) {
      this.#settledText = "";
      this.#settled = [];
      this.#links = {};
    }
    const tokens = lex(withoutLooseEnd(text.slice(this.#settledText.length)), this.#links);
    Object.assign(this.#links, tokens.links);
    const made = tokens.map((token) => this.#open.get(token.raw) ?? block(token as Known));
    const first = firstOpen(tokens);
    this.#open = new Map(
      tokens.slice(first).map((token, at) => [token.raw, made[first + at] ?? []]),
    );
    this.#settled = [...this.#settled, ...made.slice(0, first).flat()];
    this.#settledText += tokens
      .slice(0, first)
      .map((token) => token.raw)
      .join("");
    return [...this.#settled, ...made.slice(first).flat()];
  }
}
