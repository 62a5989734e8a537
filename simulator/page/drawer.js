// Behind the scenes: what Vouch called, and trouble to order.

import * as api from "./api.js";
import { el, icon, setText } from "./dom.js";

const KEPT = 200;
const REFRESH = 1500;

const FAULTS = [
  { id: "throttle", label: "Throttle", text: "next 3 calls: 429, retry after 10 s", body: { kind: "throttle", times: 3, retryAfter: 10 } },
  { id: "bad-gateway", label: "Bad gateway", text: "next call: 502", body: { kind: "bad_gateway", times: 1 } },
  { id: "slow", label: "Slow", text: "next call takes 3 s", body: { kind: "slow", times: 1, seconds: 3 } },
  { id: "lost-answer", label: "Lost answer", text: "next call is done, its answer lost", body: { kind: "lost_answer", times: 1 } },
];

export class Drawer {
  #since = 0;
  #timer = null;

  constructor(root, toggle, store) {
    Object.assign(this, { root, toggle, store });
    this.open = el("p", { class: "faults-open", role: "status" });
    this.rows = el("tbody", { testid: "journal" });
    this.quiet = el("p", { class: "quiet" }, "Vouch has called nothing yet. Pick a scenario above.");
    root.append(this.#head(), el("div", { class: "drawer-body" }, this.#faults(), this.#journal()));
    toggle.addEventListener("click", () => this.show(root.hidden));
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.show(false));
  }

  show(visible) {
    this.root.hidden = !visible;
    this.toggle.setAttribute("aria-expanded", String(visible));
    const covers = visible && matchMedia("(max-width: 760px)").matches;
    for (const one of document.body.children) if (one !== this.root) one.inert = covers;
    clearInterval(this.#timer);
    if (!visible) return this.toggle.focus();
    this.close.focus();
    this.#timer = setInterval(() => this.refresh(), REFRESH);
    return this.refresh();
  }

  async refresh() {
    if (this.root.hidden || document.hidden) return;
    try {
      await Promise.all([this.#readJournal(), this.#readFaults()]);
    } catch (error) {
      setText(this.open, error.message);
    }
  }

  /** A restarted simulator counts from 1 again. */
  restart() {
    this.#since = 0;
    this.rows.replaceChildren();
    this.refresh();
  }

  #head() {
    this.close = el("button", { type: "button", class: "icon-button", ariaLabel: "Close", on: { click: () => this.show(false) } }, icon("close"));
    return el("header", { class: "drawer-head" }, el("h2", {}, "Behind the scenes"),
      el("p", {}, "Vouch reaches this simulated Teams over HTTPS, as it would reach the real one."), this.close);
  }

  #faults() {
    const buttons = FAULTS.map(({ id, label, text, body }) =>
      el("button", { type: "button", class: "fault", testid: `fault-${id}`, on: { click: () => this.#order(() => api.addFault(body)) } },
        el("strong", {}, label), el("span", {}, text)));
    const clear = el("button", { type: "button", class: "button", testid: "fault-clear", on: { click: () => this.#order(api.clearFaults) } }, "Clear all");
    return el("section", { class: "faults" }, el("h3", {}, "Make Teams fail"), el("div", { class: "fault-buttons" }, buttons), el("div", { class: "faults-foot" }, this.open, clear));
  }

  #journal() {
    const columns = ["Time", "Status", "What", "Where", "Size"].map((name) => el("th", { scope: "col" }, name));
    return el("section", { class: "journal" }, el("h3", {}, "Last calls"), this.quiet,
      el("div", { class: "table-scroll", tabIndex: 0, role: "region", ariaLabel: "Last calls" }, el("table", {}, el("thead", {}, el("tr", {}, columns)), this.rows)));
  }

  async #order(change) {
    try {
      await change();
      await this.#readFaults();
    } catch (error) {
      setText(this.open, error.message);
    }
  }

  async #readFaults() {
    const faults = await api.getFaults();
    const waiting = faults.map((one) => `${one.kind.replace("_", " ")} × ${one.times}`);
    setText(this.open, waiting.length ? `Waiting: ${waiting.join(", ")}` : "No trouble ordered.");
  }

  async #readJournal() {
    const calls = await api.getRequests(this.#since);
    if (!calls.length) return;
    this.#since = calls.at(-1).n;
    this.quiet.hidden = true;
    this.rows.prepend(...calls.slice(-KEPT).reverse().map((one) => this.#row(one)));
    while (this.rows.children.length > KEPT) this.rows.lastElementChild.remove();
  }

  #row(one) {
    const status = el("td", { class: one.status >= 200 && one.status < 300 ? "status-ok" : "status-bad" }, String(one.status || "cut"));
    return el("tr", { title: `${one.method} ${one.path}` },
      el("td", {}, new Date(one.at).toLocaleTimeString("en-GB")),
      status, el("td", {}, whatIs(one)), el("td", { class: "where" }, this.#where(one)), el("td", {}, sizeOf(one.bytes)));
  }

  #where({ tenant, conversation, path }) {
    if (isPager(path)) return "On-call phone";
    const known = this.store.conversations.get(conversation);
    const name = this.store.tenants.find((one) => one.id === tenant)?.name ?? "";
    const place = known?.kind === "personal" ? (this.store.user(known.user)?.name ?? "chat") : known ? "thread" : "";
    return [name, place].filter(Boolean).join(" · ") || "Microsoft";
  }
}

const VERBS = { POST: "Send a message", PUT: "Edit a message", DELETE: "Delete a message", GET: "Read a message" };

const isPager = (path) => path.startsWith("/pager");

function whatIs({ method, path }) {
  if (isPager(path)) return "Ring";
  if (path.includes("/oauth2/")) return "Get a token";
  if (path.includes("/.well-known/")) return path.endsWith("keys") ? "Read signing keys" : "Read OpenID metadata";
  if (/members(\/|$)/.test(path)) return "Read members";
  if (path.endsWith("/v3/conversations")) return "Open a conversation";
  if (path.includes("/activities")) return VERBS[method] ?? method;
  if (path.includes("/v3/teams/")) return "Read a team";
  return `${method} ${path}`;
}

const sizeOf = (bytes) => (bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KB` : bytes ? `${bytes} B` : "");
