// Vouch's clock, and moving it on; hidden where nobody may.

import * as api from "./api.js";
import { el, setText } from "./dom.js";
import { setLead, timeOf } from "./text.js";

const JUMPS = [
  { id: "5", label: ["+5", " min"], wanted: { minutes: 5 } },
  { id: "30", label: ["+30", " min"], wanted: { minutes: 30 } },
  { id: "60", label: ["+1 h", ""], wanted: { minutes: 60 } },
  { id: "next", label: ["Next", " deadline"], wanted: { to: "next" } },
];
const TICK = 1000;

export class Clock {
  #lead = null;
  #moves = Promise.resolve();

  /** `onMove()` is told whenever the visitor moves it. */
  constructor(root, { onMove }) {
    Object.assign(this, { root, onMove });
    this.time = el("strong", { testid: "clock-time" });
    this.ahead = el("span", { testid: "clock-lead" });
    this.problem = el("span", { class: "clock-problem", role: "alert" });
    this.buttons = JUMPS.map(({ id, label, wanted }) => {
      const button = el("button", { type: "button", class: "button", testid: `clock-${id}`, ariaLabel: label.join(""), on: { click: () => this.#order(wanted, button) } }, label[0], el("span", { class: "wide" }, label[1]));
      return button;
    });
    this.buttons.at(-1).title = "To the next moment at which something happens";
    root.append(
      el("span", { class: "clock-time" }, el("span", { class: "clock-name" }, "Vouch’s clock: "), this.time, " ", this.ahead),
      el("span", { class: "clock-buttons", role: "group", ariaLabel: "Move the clock on" }, this.buttons),
      this.problem);
    setInterval(() => this.#draw(), TICK);
  }

  /** `told` is what the simulator says of it: null where it cannot be moved. */
  show(told) {
    this.root.hidden = !told;
    if (!told) return;
    this.#lead = told.leadSeconds;
    setLead(this.#lead);
    this.#draw();
  }

  next() {
    if (!this.root.hidden) this.buttons.at(-1).click();
  }

  #draw() {
    if (this.#lead === null) return;
    setText(this.time, timeOf(new Date(Date.now() + this.#lead * 1000)));
    setText(this.ahead, this.#lead >= 30 ? `(+${inWords(this.#lead)})` : "");
  }

  /** One after the other, however fast they are pressed. */
  #order(wanted, button) {
    this.#moves = this.#moves.then(() => this.#move(wanted, button));
  }

  async #move(wanted, button) {
    button.classList.add("pending");
    button.ariaBusy = "true";
    setText(this.problem, "");
    this.onMove();
    try {
      this.show(await api.moveClock(wanted));
    } catch (error) {
      setText(this.problem, error.message);
    } finally {
      button.classList.remove("pending");
      button.ariaBusy = "false";
    }
  }
}

function inWords(seconds) {
  const minutes = Math.round(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (!hours) return `${minutes} min`;
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}
