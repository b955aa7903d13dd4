/** Addresses with gaps (RFC 6570), as tool servers give them: `notes://{folder}/{+path}{?lang}`. */

interface Gap {
  readonly operator: string;
  readonly names: readonly string[];
}

const GAP = /\{([+#./;?&]?)([^{}]+)\}/g;

/** first, separator, whether the name is written, whether reserved letters stay. */
const WAYS: Readonly<Record<string, readonly [string, string, boolean, boolean]>> = {
  "": ["", ",", false, false],
  "+": ["", ",", false, true],
  "#": ["#", ",", false, true],
  ".": [".", ".", false, false],
  "/": ["/", "/", false, false],
  ";": [";", ";", true, false],
  "?": ["?", "&", true, false],
  "&": ["&", "&", true, false],
};

function gapOf(operator: string, list: string): Gap {
  const names = list.split(",").map((name) => name.replace(/(?:\*|:\d+)$/, "").trim());
  return { operator, names: names.filter(Boolean) };
}

/** The names to ask for, each once, in order. */
export function gapsOf(template: string): readonly string[] {
  const all = [...template.matchAll(GAP)].flatMap(([, operator = "", list = ""]) => [
    ...gapOf(operator, list).names,
  ]);
  return [...new Set(all)];
}

/** Queries may be left out; all else is needed to make an address. */
export function isNeeded(template: string, name: string): boolean {
  return [...template.matchAll(GAP)].some(
    ([, operator = "", list = ""]) =>
      !["?", "&", "#"].includes(operator) && gapOf(operator, list).names.includes(name),
  );
}

export function isFilled(template: string, values: Readonly<Record<string, string>>): boolean {
  return gapsOf(template).every(
    (name) => !isNeeded(template, name) || (values[name] ?? "").trim() !== "",
  );
}

function encoded(text: string, keepsReserved: boolean): string {
  if (keepsReserved) return encodeURI(text).replace(/%5B/g, "[").replace(/%5D/g, "]");
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(GAP, (_whole, operator: string, list: string) => {
    const [first, separator, named, keepsReserved] = WAYS[operator] ?? ["", ",", false, false];
    const parts = gapOf(operator, list)
      .names.filter((name) => (values[name] ?? "") !== "")
      .map((name) => {
        const value = encoded(values[name] ?? "", keepsReserved);
        return named ? `${name}=${value}` : value;
      });
    return parts.length === 0 ? "" : first + parts.join(separator);
  });
}
