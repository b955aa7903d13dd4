/** TeX to MathML elements; the browser draws them with its own fonts. */

type Temml = typeof import("temml");

let loading: Promise<Temml | null> | null = null;

function renderer(): Promise<Temml | null> {
  loading ??= import("temml").then(
    (module) => module,
    () => {
      loading = null;
      return null;
    },
  );
  return loading;
}

const OPTIONS = { throwOnError: true, trust: false, strict: false, maxExpand: 200, maxSize: [20, 200] as [number, number] };

/** False when the source cannot be read; the element is then left empty. */
export async function drawMaths(
  tex: string,
  displayMode: boolean,
  element: HTMLElement,
): Promise<boolean> {
  const temml = await renderer();
  if (!temml) return false;
  try {
    temml.default.render(tex, element, { ...OPTIONS, displayMode });
    return true;
  } catch {
    element.replaceChildren();
    return false;
  }
}
