/** TeX to MathML elements; the browser draws them with its own fonts. */

import { mathsFor } from "./lazy.ts";

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: false,
  maxExpand: 200,
  maxSize: [20, 200] as [number, number],
};

/** False when the source cannot be read; the element is then left empty. */
export async function drawMaths(
  tex: string,
  displayMode: boolean,
  element: HTMLElement,
): Promise<boolean> {
  const temml = await mathsFor.later();
  if (!temml) return false;
  try {
    temml.render(tex, element, { ...OPTIONS, displayMode });
    return true;
  } catch {
    element.replaceChildren();
    return false;
  }
}
