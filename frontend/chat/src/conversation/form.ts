/** The flat schema of a server's question as fields, and what was typed as its answer. */
import type { InputValue } from "@parlor/shared/api/types.ts";

export interface Option {
  readonly value: string;
  readonly label: string;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly required: boolean;
  readonly kind: "text" | "number" | "integer" | "boolean" | "one" | "many";
  /** Of the browser's input. */
  readonly input: "text" | "email" | "url" | "date" | "datetime-local" | "number";
  readonly options: readonly Option[];
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
  readonly initial: Typed;
}

export type Typed = string | boolean | readonly string[];

type Schema = Readonly<Record<string, unknown>>;

function object(value: unknown): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Schema)
    : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function optionsOf(schema: Schema): readonly Option[] {
  const titled = [...list(schema["oneOf"]), ...list(schema["anyOf"])].map(object);
  if (titled.some((one) => "const" in one)) {
    return titled
      .map((one) => ({
        value: text(one["const"]),
        label: text(one["title"]) || text(one["const"]),
      }))
      .filter(({ value }) => value !== "");
  }
  const names = list(schema["enumNames"]);
  return list(schema["enum"])
    .map(text)
    .map((value, index) => ({ value, label: text(names[index]) || value }))
    .filter(({ value }) => value !== "");
}

const INPUTS: Readonly<Record<string, Field["input"]>> = {
  email: "email",
  uri: "url",
  date: "date",
  "date-time": "datetime-local",
};

/** Digits and other letters of the browser's own pattern language only; a wrong one is left out. */
function patternOf(schema: Schema): string | undefined {
  const pattern = text(schema["pattern"]);
  try {
    new RegExp(pattern, "v");
  } catch {
    return undefined;
  }
  return pattern === "" ? undefined : pattern;
}

function initialOf(schema: Schema, kind: Field["kind"]): Typed {
  const given = schema["default"];
  if (kind === "boolean") return given === true;
  if (kind === "many") return list(given).map(text);
  return typeof given === "number" ? String(given) : text(given);
}

function kindOf(schema: Schema, options: readonly Option[]): Field["kind"] {
  const type = text(schema["type"]);
  if (type === "array") return "many";
  if (type === "boolean" || type === "number" || type === "integer") return type;
  return options.length > 0 ? "one" : "text";
}

export function fieldsOf(form: unknown): readonly Field[] {
  const schema = object(form);
  const required = new Set(list(schema["required"]));
  return Object.entries(object(schema["properties"])).map(([name, value]): Field => {
    const one = object(value);
    const options = optionsOf(one["type"] === "array" ? object(one["items"]) : one);
    const kind = kindOf(one, options);
    const isNumber = kind === "number" || kind === "integer";
    return {
      name,
      label: text(one["title"]) || name,
      hint: text(one["description"]),
      required: required.has(name),
      kind,
      input: isNumber ? "number" : (INPUTS[text(one["format"])] ?? "text"),
      options,
      min: number(one["minimum"]),
      max: number(one["maximum"]),
      minLength: number(one["minLength"]),
      maxLength: number(one["maxLength"]),
      pattern: patternOf(one),
      initial: initialOf(one, kind),
    };
  });
}

function valueOf(field: Field, typed: Typed): InputValue | undefined {
  if (typeof typed === "boolean") return typed;
  if (typeof typed !== "string") return typed.length > 0 || field.required ? [...typed] : undefined;
  if (typed === "") return field.required && field.kind === "text" ? "" : undefined;
  if (field.kind === "number" || field.kind === "integer") return Number(typed);
  if (field.input === "datetime-local") return new Date(typed).toISOString();
  return typed;
}

/** What was left empty is left out. */
export function contentOf(
  fields: readonly Field[],
  typed: Readonly<Record<string, Typed>>,
): Record<string, InputValue> {
  const content: Record<string, InputValue> = {};
  for (const field of fields) {
    const value = valueOf(field, typed[field.name] ?? field.initial);
    if (value !== undefined) content[field.name] = value;
  }
  return content;
}

/** Where a page of a server leads; null when it is no web page. */
export function pageOf(url: string): { href: string; host: string } | null {
  try {
    const { protocol, href, host } = new URL(url);
    return protocol === "https:" || protocol === "http:" ? { href, host } : null;
  } catch {
    return null;
  }
}
