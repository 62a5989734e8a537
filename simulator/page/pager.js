// The phone of the analyst on duty: what Vouch rang for. Out of sight until it rings.

import { el, icon, reconcile, setText } from "./dom.js";
import { timeElement } from "./text.js";

const SHOWN = 3;
const STATES = { triggered: "Ringing", acknowledged: "Somebody is at work", resolved: "Over" };
const VIA = { pagerduty: "PagerDuty", webhook: "webhook" };

export class Pager {
  #views = new Map();
  #known = new Map(); // alarm -> state

  /** `onRing(words)` is told what began or changed. */
  constructor(root, { onRing }) {
    Object.assign(this, { root, onRing });
    this.title = el("h2", {});
    this.more = el("p", { class: "quiet" });
    this.list = el("ul", { class: "alarms" });
    root.append(el("div", { class: "pager-head" }, el("span", { class: "pager-bell" }, icon("bell")), this.title, this.more), this.list);
  }

  /** `alarms` as the simulator tells them, newest first. */
  show(alarms = []) {
    const ringing = alarms.filter(({ state }) => state === "triggered");
    this.root.hidden = alarms.length === 0;
    this.root.classList.toggle("ringing", ringing.length > 0);
    setText(this.title, ringing.length ? "The on-call phone is ringing" : "The on-call phone rang");
    const shown = [...ringing, ...alarms.filter(({ state }) => state !== "triggered")].slice(0, SHOWN);
    setText(this.more, alarms.length > SHOWN ? `and ${alarms.length - SHOWN} more` : "");
    reconcile(this.list, this.#views, shown.map((alarm) => ({ ...alarm, id: `${alarm.key} ${alarm.at}` })), (alarm) => new AlarmView(alarm));
    this.#tell(alarms);
  }

  #tell(alarms) {
    for (const { key, at, state, summary } of alarms) {
      const id = `${key} ${at}`;
      if (this.#known.get(id) !== state) this.onRing(`On-call phone, ${STATES[state].toLowerCase()}: ${summary}`);
      this.#known.set(id, state);
    }
  }
}

class AlarmView {
  constructor({ summary, source, via, at }) {
    this.state = el("span", { class: "alarm-state" });
    this.root = el("li", { class: "alarm", testid: "alarm" },
      this.state,
      el("span", { class: "alarm-text" }, summary),
      el("span", { class: "alarm-meta" }, `${source} · ${VIA[via]} · `, timeElement(at)));
  }

  update({ state }) {
    this.root.dataset.state = state;
    setText(this.state, STATES[state]);
  }
}
