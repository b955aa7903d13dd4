/** Prompts and resources of tool servers: fetched when somebody wants one. */
export { default as Chips } from "./Chips.svelte";
export { default as PromptForm } from "./PromptForm.svelte";
export { default as ResourcePicker } from "./ResourcePicker.svelte";
export { default as SlashPrompts } from "./SlashPrompts.svelte";
