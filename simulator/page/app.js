// The page: three panes over one store, kept live by the simulator's events.

import { listen } from "./api.js";
import { Clock } from "./clock.js";
import { Drawer } from "./drawer.js";
import { el, setText } from "./dom.js";
import { Help } from "./help.js";
import { Looks } from "./looks.js";
import { summaryOf } from "./messages.js";
import { Pager } from "./pager.js";
import { ChannelPane, PersonPane } from "./panes.js";
import { Scenarios } from "./scenarios.js";
import { Store } from "./store.js";
import { refreshTimes } from "./text.js";

const FOLLOW = 8000; // how long after a start or a step the panes turn to where it shows
const ANNOUNCEMENTS = 5;
const TICK = 15_000;

const byId = (id) => document.getElementById(id);
const store = new Store();

const customer = new ChannelPane({
  id: "customer", glyph: "building", title: "Customer channel", store,
  tenants: () => store.customers(), preferred: "Jon Park",
  emptyText: (tenant) => [
    "Pick a scenario above to start.",
    `${tenant.name}'s security team works here. Each incident is one thread, and its first card always tells the present state.`,
  ],
});
const person = new PersonPane({
  id: "person", glyph: "person", title: "Personal chat", store, preferred: "Bob Meyer",
  emptyText: (user) => [
    "Nothing has been asked yet.",
    `When an alert concerns ${user.givenName ?? user.name}, Vouch asks here. You answer for ${user.givenName ?? user.name}: tap a button, or write.`,
  ],
});
const analyst = new ChannelPane({
  id: "analyst", glyph: "shield", title: "Analyst channel", store,
  tenants: () => [store.provider()].filter(Boolean), preferred: "Mia Lindqvist",
  emptyText: () => [
    "No incident yet.",
    "The analysts of the MXDR provider see the score, its reasons and the clocks here. Customers never read this channel.",
  ],
});
const panes = [customer, person, analyst];
byId("panes").append(...panes.map((pane) => pane.root));

const drawer = new Drawer(byId("drawer"), byId("drawer-toggle"), store);
const looks = new Looks(byId("theme-toggle"));
const clock = new Clock(byId("clock"), { onMove: () => follow() });
const pager = new Pager(byId("pager"), { onRing: (words) => say(words) });
const help = new Help(byId("help"), byId("help-toggle"), {
  c: () => goTo(customer),
  p: () => goTo(person),
  a: () => goTo(analyst),
  s: () => scenarios.focus(),
  n: () => clock.next(),
  t: () => looks.toggle(),
  b: () => drawer.show(byId("drawer").hidden),
});
const scenarios = new Scenarios(byId("scenarios"), {
  onPlay: () => {
    help.begun();
    follow();
  },
});

function goTo(pane) {
  showTab(pane.id);
  pane.focus();
}

// Tabs, for narrow screens

const TAB_NAMES = { customer: "Customer", person: "Person", analyst: "Analyst" };
const tabs = panes.map((pane) => {
  const dot = el("span", { class: "dot", hidden: true }, el("span", { class: "offscreen" }, "unread"));
  const tab = el("button", { type: "button", role: "tab", id: `tab-${pane.id}`, testid: `tab-${pane.id}`, on: { click: () => showTab(pane.id) } }, TAB_NAMES[pane.id], dot);
  tab.setAttribute("aria-controls", `pane-${pane.id}`);
  return { pane, tab, dot };
});
byId("tabs").append(...tabs.map(({ tab }) => tab));
byId("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = tabs.findIndex(({ tab }) => tab === document.activeElement);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  showTab(next.pane.id);
  next.tab.focus();
});

function showTab(id) {
  for (const { pane, tab } of tabs) {
    const chosen = pane.id === id;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    pane.root.classList.toggle("current", chosen);
  }
  render();
}

// Drawing

function render() {
  for (const pane of panes) pane.render();
  for (const { pane, dot } of tabs) dot.hidden = pane.unread() === 0;
  const unread = panes.reduce((sum, pane) => sum + pane.unread(), 0);
  document.title = unread ? `(${unread}) Vouch · simulator` : "Vouch · simulator";
}

store.addEventListener("change", ({ detail: news }) => {
  clock.show(store.bot.clock);
  pager.show(store.alarms);
  turnTo(news);
  render();
  reveal(news);
  announce(news);
});
store.addEventListener("problem", ({ detail }) => {
  console.warn(detail.message);
  setTimeout(() => store.invalidateAll(), 2000);
});

/** Words for those who do not see the panes change. */
function announce(news) {
  for (const { conversation, message, edited } of news.slice(-ANNOUNCEMENTS)) {
    say(`${placeOf(conversation)}: ${message.from.name} ${edited ? "changed" : "wrote"}: ${summaryOf(message)}`);
  }
}

function say(words) {
  const log = byId("announcer");
  log.append(el("p", {}, words));
  while (log.children.length > ANNOUNCEMENTS) log.firstElementChild.remove();
}

function placeOf(conversation) {
  if (conversation.kind === "personal") return `Chat of ${store.user(conversation.user)?.name ?? "a person"}`;
  return conversation.tenant === store.provider()?.id ? "Analyst channel" : "Customer channel";
}

// After a start or a step the panes turn once to the person and the customer it concerns, so that a
// newcomer need not look for them; a choice made by hand ends that.

let following = { until: 0, person: false, customer: false };

function follow() {
  following = { until: Date.now() + FOLLOW, person: true, customer: true };
}

person.onManual = () => (following.person = false);
customer.onManual = () => (following.customer = false);

function turnTo(news) {
  if (Date.now() > following.until) return;
  const chat = news.find(({ conversation }) => conversation.kind === "personal")?.conversation;
  if (following.person && chat && !person.busy()) {
    following.person = false;
    person.personId = chat.user;
  }
  const thread = news.find(({ conversation }) => isCustomers(conversation))?.conversation;
  if (following.customer && thread) {
    following.customer = false;
    customer.tenantId = thread.tenant;
  }
}

const isCustomers = ({ kind, tenant }) => kind === "thread" && store.customers().some((one) => one.id === tenant);

/** Scrolls to what has just begun, in panes nobody is reading backwards in on purpose. */
function reveal(news) {
  if (Date.now() > following.until) return;
  const begun = news.filter(({ edited }) => !edited).map(({ conversation, message }) => ({ conversation, root: conversation.messages[0] === message }));
  if (begun.some(({ conversation }) => conversation.kind === "personal" && conversation.user === person.person()?.id)) person.reveal();
  for (const pane of [customer, analyst]) {
    if (begun.some(({ conversation, root }) => root && conversation.kind === "thread" && conversation.tenant === pane.tenant()?.id)) pane.reveal();
  }
}

// Keeping live

const WORDS = { live: "Live", connecting: "Connecting…", waiting: "Reconnecting…" };

function showConnection(state, wait) {
  const badge = document.querySelector(".connection");
  badge.dataset.state = state;
  setText(badge.firstElementChild, WORDS[state]);
  badge.title = wait ? `The simulator does not answer; next try in ${Math.round(wait / 100) / 10} s` : "";
}

listen({
  onState: showConnection,
  onOpen() {
    store.invalidateAll();
    scenarios.load();
    drawer.restart();
  },
  onEvent({ kind, conversation }) {
    if (kind === "scenario") scenarios.load();
    if (!["scenario", "faults", "keys", "hello"].includes(kind)) store.invalidate(conversation);
  },
});

setInterval(() => refreshTimes(document), TICK);
showTab("person");
