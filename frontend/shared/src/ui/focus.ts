import { tick } from "svelte";

/** Gives the focus to somebody when what had it is gone; takes it from nobody. */
export async function catchFocus(find: () => HTMLElement | null | undefined): Promise<void> {
  await tick();
  if (document.activeElement === document.body) find()?.focus();
}
