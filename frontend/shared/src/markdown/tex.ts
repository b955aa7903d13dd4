/** TeX to MathML elements; the browser draws them with its own fonts. */

import { mathsFor } from "./lazy.ts";

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: false,
  maxExpand: 200,
  maxSize: [20, 200] as [number, number],
};

/** As other words say it: temml's own would need a style attribute, which the page's policy stops. */
const MACROS = { "\\pmb": "\\boldsymbol{#1}", "\\sideset": "{}#1#3\\nolimits#2" };

/** False when the source cannot be read; the element is then left empty. */
export async function drawMaths(
  tex: string,
  displayMode: boolean,
  element: HTMLElement,
): Promise<boolean> {
  const temml = await mathsFor.later();
  if (!temml) return false;
  try {
    // A formula may define macros of its own, in the list that it is given.
    temml.render(tex, element, { ...OPTIONS, displayMode, macros: { ...MACROS } });
    return true;
  } catch {
    element.replaceChildren();
    return false;
  }
}
