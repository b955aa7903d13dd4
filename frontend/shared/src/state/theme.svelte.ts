/** Light, dark, or as the device says. `theme.js` sets the first frame; this keeps it true. */

export type ThemeChoice = "auto" | "light" | "dark";

const KEY = "parlor.theme";

export class Theme {
  choice = $state<ThemeChoice>("auto");

  constructor() {
    const stored = localStorage.getItem(KEY);
    if (stored === "light" || stored === "dark") this.choice = stored;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#show();
    });
    this.#show();
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    if (choice === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
    this.#show();
  }

  #show(): void {
    const device = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    document.documentElement.dataset["theme"] = this.choice === "auto" ? device : this.choice;
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--ground");
    for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
      meta.content = ground;
    }
  }
}
