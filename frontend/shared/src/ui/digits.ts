/** The digits of whatever was typed or pasted: "123 456", "code: 123-456", full-width digits. */
export function digitsOf(text: string, length: number): string {
  return text.normalize("NFKC").replace(/\D/g, "").slice(0, length);
}
