// "How this works", for somebody who has three minutes; and the keys.

import { el, icon } from "./dom.js";
import { recall, remember } from "./memory.js";

const SEEN = "vouch-help";
const KEYS = "vouch-keys";

const COLUMNS = [
  ["What you see", [
    "Three views of one Microsoft Teams: a customer’s security channel, the chat of one person, and the channel of the analysts who watch over the customer.",
    "Pick a scenario: an alert arrives, and all three move.",
  ]],
  ["Whom you play", [
    "Everybody. “Acting as” in each view says who you are there: Bob who is asked, Jon who decides for Contoso, Mia who is the analyst, or the intruder in somebody’s account.",
    "The line below the scenarios says what to try.",
  ]],
  ["What happens behind", [
    "Vouch is the real bot: it weighs alerts and answers, and acts only as far as the customer’s rules allow. Only Teams is simulated, and containment is rehearsed: nothing is touched.",
    "Deadlines are real too; move Vouch’s clock on and they fall due.",
  ]],
];

const SHORTCUTS = [["c", "customer"], ["p", "person"], ["a", "analysts"], ["s", "scenarios"], ["n", "next deadline"], ["t", "theme"], ["b", "behind the scenes"], ["?", "this help"]];

export class Help {
  /** `actions` maps a key to what it does. */
  constructor(root, toggle, actions) {
    Object.assign(this, { root, toggle, actions });
    this.keys = el("input", { type: "checkbox", checked: recall(KEYS) !== "off", testid: "keys", on: { change: () => remember(KEYS, this.keys.checked ? "on" : "off") } });
    const close = el("button", { type: "button", class: "icon-button", ariaLabel: "Close", testid: "help-close", on: { click: () => this.show(false) } }, icon("close"));
    root.append(
      el("header", { class: "help-head" }, el("h2", {}, "How this works"), close),
      el("div", { class: "help-columns" }, COLUMNS.map(([head, sentences]) => el("div", {}, el("h3", {}, head), sentences.map((one) => el("p", {}, one))))),
      el("div", { class: "help-keys" }, el("label", {}, this.keys, "Keys"), SHORTCUTS.map(([key, what]) => el("span", {}, el("kbd", {}, key), ` ${what}`)), el("span", {}, el("kbd", {}, "Esc"), " closes")));
    toggle.addEventListener("click", () => this.show(root.hidden));
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.show(false));
    document.addEventListener("keydown", (event) => this.#onKey(event));
    if (recall(SEEN) === null) this.#draw(true);
  }

  show(visible) {
    this.#draw(visible);
    if (visible) this.root.focus();
    else {
      remember(SEEN, "seen");
      this.toggle.focus();
    }
  }

  /** Makes room once the visitor has begun; it stays a button away. */
  begun() {
    if (this.root.hidden) return;
    remember(SEEN, "seen");
    this.#draw(false);
  }

  #draw(visible) {
    this.root.hidden = !visible;
    document.body.classList.toggle("helping", visible);
    this.toggle.setAttribute("aria-expanded", String(visible));
  }

  #onKey(event) {
    if (!this.keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const act = event.key === "?" ? () => this.show(this.root.hidden) : this.actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
