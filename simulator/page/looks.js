// Light or dark: the system's choice until the visitor makes another.

import { icon } from "./dom.js";
import { remember } from "./memory.js";

const system = matchMedia("(prefers-color-scheme: dark)");

const shown = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

export class Looks {
  constructor(button) {
    this.button = button;
    button.addEventListener("click", () => this.toggle());
    system.addEventListener("change", () => this.#label());
    this.#label();
  }

  toggle() {
    const theme = shown() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remember("vouch-theme", theme);
    this.#label();
  }

  #label() {
    const other = shown() === "dark" ? "light" : "dark";
    this.button.replaceChildren(icon(other === "dark" ? "moon" : "sun"));
    this.button.ariaLabel = this.button.title = `Switch to the ${other} theme`;
  }
}
