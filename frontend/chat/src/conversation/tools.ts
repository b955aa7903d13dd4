/** A tool's words made easier to read. What cannot be read as JSON is shown as it came. */

export function titled(name: string): string {
  const words = name.replace(/[_\-.]+/g, " ").trim();
  return words === "" ? "Tool" : words.charAt(0).toUpperCase() + words.slice(1);
}

export function readable(text: string): string {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
