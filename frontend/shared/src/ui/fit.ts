/** Makes a text field as high as the text that stands in it; CSS sets the limits. */
export function fitHeight(area: HTMLTextAreaElement, _text: string): void {
  area.style.height = "auto";
  const borders = area.offsetHeight - area.clientHeight;
  area.style.height = `${String(area.scrollHeight + borders)}px`;
}
