// The scenario picker, and the hint that says how to play the one that runs.

import * as api from "./api.js";
import { el, icon, setText } from "./dom.js";

const PITCH = "Vouch asks people in Teams whether they did what a security alert says, weighs their answers, and acts. Here you play everyone at once.";

const REMEMBER = "vouch-scenario"; // which of several started ones the visitor plays

export class Scenarios {
  #running = null;
  #scenarios = [];

  /** `onPlay()` is told whenever something was set in motion. */
  constructor(root, { onPlay }) {
    Object.assign(this, { root, onPlay });
    this.lead = el("p", { class: "scenarios-lead" }, el("strong", {}, "Pick a scenario. "), PITCH);
    this.cards = el("div", { class: "scenario-cards" });
    this.play = el("div", { class: "play", testid: "how-to-play", hidden: true });
    this.problem = el("p", { class: "scenarios-problem", role: "alert", hidden: true });
    root.append(this.lead, this.cards, this.play, this.problem);
  }

  /** Puts the keyboard on the scenario that runs, else on the first. */
  focus() {
    const cards = [...this.cards.children];
    (cards.find((one) => one.ariaPressed === "true") ?? cards[0])?.focus();
  }

  async load() {
    try {
      this.#take(await api.getScenarios());
      this.#say(null);
    } catch (error) {
      this.#say(error.message);
    }
  }

  #take(scenarios) {
    const before = this.#scenarios;
    if (JSON.stringify(scenarios) === JSON.stringify(before)) return;
    this.#scenarios = scenarios;
    if (namesOf(scenarios) !== namesOf(before)) this.cards.replaceChildren(...scenarios.map((one, index) => this.#card(one, index)));
    this.#running = this.#choose(before);
    this.#showRunning();
  }

  /** The one that has just begun, else the one played so far, else any that began before this visit. */
  #choose(before) {
    const started = this.#scenarios.filter((one) => one.started);
    const begun = before.length ? started.find((one) => !before.find((old) => old.id === one.id)?.started) : null;
    const remembered = sessionStorage.getItem(REMEMBER);
    return begun ?? started.find((one) => one.id === remembered) ?? started[0] ?? null;
  }

  #card(scenario, index) {
    const button = el("button", { type: "button", class: "scenario", testid: `scenario-${scenario.id}`, title: scenario.summary, on: { click: () => this.#start(scenario, button) } },
      el("span", { class: "scenario-number" }, String(index + 1)),
      el("span", { class: "scenario-title" }, scenario.title),
      el("span", { class: "scenario-text" }, scenario.summary));
    button.dataset.scenario = scenario.id;
    return button;
  }

  async #start(scenario, button) {
    sessionStorage.setItem(REMEMBER, scenario.id);
    await this.#busy(button, () => api.startScenario(scenario.id));
  }

  async #step(step, button) {
    await this.#busy(button, () => api.playStep(this.#running.id, step.id));
  }

  /** Runs `play` with the button showing progress; the panes may follow what it causes. */
  async #busy(button, play) {
    button.classList.add("pending");
    button.ariaBusy = "true";
    this.onPlay();
    try {
      const { done } = await play();
      await this.load();
      this.#say(refused(done));
    } catch (error) {
      this.#say(error.message);
    } finally {
      button.classList.remove("pending");
      button.ariaBusy = "false";
    }
  }

  #showRunning() {
    const running = this.#running;
    this.root.classList.toggle("running", Boolean(running));
    for (const one of this.cards.children) one.setAttribute("aria-pressed", String(one.dataset.scenario === running?.id));
    this.play.hidden = !running;
    if (!running) return;
    this.play.replaceChildren(this.#hint(running), this.#steps(running));
  }

  /** On a phone its first lines, until one asks for more. */
  #hint({ title, hint }) {
    const text = el("p", { class: "play-hint" }, el("strong", {}, /[?!.]$/.test(title) ? `${title} ` : `${title}. `), hint);
    const more = el("button", { type: "button", class: "link play-more", ariaExpanded: "false", on: { click: () => {
      const whole = this.play.classList.toggle("whole");
      more.ariaExpanded = String(whole);
      setText(more, whole ? "Less" : "More");
    } } }, "More");
    this.play.classList.remove("whole");
    return el("div", { class: "play-text" }, text, more);
  }

  #steps({ steps }) {
    const buttons = steps.map((step, index) => this.#stepButton(step, index));
    return el("div", { class: "steps", role: "group", ariaLabel: "What happens next", hidden: !steps.length }, buttons);
  }

  #stepButton(step, index) {
    const mark = el("span", { class: "step-mark" }, step.played ? icon("check") : String(index + 1));
    const button = el("button", { type: "button", class: `step${step.played ? " played" : ""}`, testid: `step-${step.id}`, title: step.summary, on: { click: () => this.#step(step, button) } }, mark, step.title);
    return button;
  }

  #say(text) {
    this.problem.hidden = !text;
    setText(this.problem, text ?? "");
  }
}

const namesOf = (scenarios) => JSON.stringify(scenarios.map(({ id, title, summary }) => [id, title, summary]));

/** A sentence where the bot did not take what was played, or null. */
function refused(done = []) {
  const failed = done.find(({ do: deed, status }) => status >= 400 || (deed === "incident" && !status));
  return failed ? `Vouch did not accept this (it answered ${failed.status ?? "nothing"}). Is it running?` : null;
}
