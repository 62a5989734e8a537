// The three panes: a customer's channel, one person's chat, the analysts' channel.

import * as api from "./api.js";
import { composer } from "./composer.js";
import { el, icon, reconcile, setOptions, setText } from "./dom.js";
import { MessageView } from "./messages.js";

const NEAR_BOTTOM = 80;
const LONG_THREAD = 20;
const SHOWN_OF_LONG = 15;

/** The frame all three share: header, notices of news elsewhere, scroller, a pill in a row of its own
 * below it, where it covers nothing, and footer. */
class Pane {
  constructor({ id, glyph, title, store }) {
    Object.assign(this, { id, title, store });
    this.subtitle = el("p", { class: "pane-subtitle" });
    this.controls = el("div", { class: "pane-controls" });
    this.elsewhere = el("div", { class: "elsewhere" });
    this.list = el("div", { class: "list" });
    this.empty = el("div", { class: "empty" });
    this.scroller = el("div", { class: "scroller", tabIndex: 0, role: "region", ariaLabel: `${title}: messages` }, this.empty, this.list);
    this.pill = el("button", { type: "button", class: "pill", hidden: true, on: { click: () => this.#jump() } });
    this.footer = el("footer", { class: "pane-footer" });
    this.root = el("section", { class: `pane pane-${id}`, id: `pane-${id}`, testid: `pane-${id}` },
      el("header", { class: "pane-head" },
        el("span", { class: "pane-glyph" }, icon(glyph)),
        el("div", { class: "pane-titles" }, el("h2", { id: `title-${id}` }, title), this.subtitle),
        this.controls),
      this.elsewhere,
      el("div", { class: "pane-body" }, this.scroller, this.pill),
      this.footer);
    this.root.setAttribute("aria-labelledby", `title-${id}`);
    this.scroller.addEventListener("scroll", () => this.#schedulePill(), { passive: true });
  }

  select(label, testid, onChange) {
    const select = el("select", { testid, on: { change: () => onChange(select.value) } });
    this.controls.append(el("label", { class: "field" }, el("span", {}, label), select));
    return select;
  }

  showEmpty(sentences) {
    this.empty.hidden = !sentences;
    this.list.hidden = Boolean(sentences);
    if (!sentences || this.empty.dataset.text === sentences.join()) return;
    this.empty.dataset.text = sentences.join();
    const [head, ...rest] = sentences;
    this.empty.replaceChildren(el("p", { class: "empty-head" }, head), ...rest.map((one) => el("p", {}, one)));
  }

  showElsewhere(others) {
    const signature = JSON.stringify(others.map(({ name, count }) => [name, count]));
    if (this.elsewhere.dataset.signature === signature) return;
    this.elsewhere.dataset.signature = signature;
    this.elsewhere.replaceChildren(...others.map(({ name, count, go }) =>
      el("button", { type: "button", class: "chip", on: { click: go } }, name, el("span", { class: "count" }, `${count} new`))));
  }

  refreshPill() {
    const box = this.scroller.getBoundingClientRect();
    const hidden = box.height ? [...this.scroller.querySelectorAll(".message.is-new")].filter((one) => outside(one, box)) : [];
    this.pill.hidden = hidden.length === 0;
    this.pillTarget = hidden[0];
    if (!hidden.length) return;
    const above = hidden[0].getBoundingClientRect().top < box.top;
    setText(this.pill, `${above ? "↑" : "↓"} ${hidden.length} ${hidden.length === 1 ? "update" : "updates"} ${above ? "above" : "below"}`);
  }

  /** Puts the keyboard into the messages. */
  focus() {
    this.scroller.focus();
  }

  #schedulePill() {
    this.pillTimer ??= setTimeout(() => {
      this.pillTimer = null;
      this.refreshPill();
    }, 80);
  }

  #jump() {
    this.pillTarget?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    this.pillTarget?.focus({ preventScroll: true });
  }
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function outside(node, box) {
  const rect = node.getBoundingClientRect();
  return rect.bottom < box.top + 8 || rect.top > box.bottom - 8;
}

/** A sentence where the message stands in Teams and yet did not reach the bot, or null. */
const failure = (status) => (status >= 400 ? `Sent, but Vouch answered ${status}. Is it running?` : null);

const newTag = (count) => (count ? ` (${count} new)` : "");
const roleTag = (user) => (user.role ? ` · ${user.role}` : "");

/** A channel: threads, newest first, each with its replies and a reply box. */
export class ChannelPane extends Pane {
  #tenantViews = new Map(); // tenant id -> {root, threads}: kept, so that half-typed words survive a look elsewhere
  #actors = new Map(); // tenant id -> user id
  #shown = null;

  constructor({ tenants, preferred, emptyText, ...frame }) {
    super(frame);
    Object.assign(this, { tenants, preferred, emptyText });
    if (frame.id === "customer") this.tenantSelect = this.select("Customer", "tenant-select", (id) => this.showTenant(id));
    this.actorSelect = this.select("Acting as", `acting-${frame.id}`, (id) => this.actAs(id));
    this.composer = composer({ testid: `composer-${frame.id}`, label: "Start a post", mention: true, onSend: (text, at) => this.#post(this.#channel().id, text, at) });
    this.footer.append(this.composer.root);
  }

  tenant() {
    const all = this.tenants();
    return all.find((one) => one.id === this.tenantId) ?? all[0];
  }

  showTenant(id) {
    this.tenantId = id;
    this.onManual?.();
    this.render();
  }

  actAs(id) {
    this.#actors.set(this.tenant().id, id);
    this.render();
  }

  actor() {
    const people = this.#people();
    const chosen = people.find((one) => one.id === this.#actors.get(this.tenant()?.id));
    return (chosen ?? people.find((one) => one.name === this.preferred) ?? people[0])?.id;
  }

  /** Brings the newest thread into view. */
  reveal() {
    this.scroller.scrollTop = 0;
  }

  unread() {
    return this.tenants().reduce((sum, one) => sum + this.store.unreadOfTenant(one.id), 0);
  }

  render() {
    const tenant = this.tenant();
    if (!tenant) return;
    this.#renderHead(tenant);
    this.#renderThreads(tenant);
    this.refreshPill();
  }

  #people() {
    const tenant = this.tenant();
    const team = tenant?.teams[0]?.id;
    const members = (tenant?.users ?? []).filter((one) => !one.teams || one.teams.includes(team));
    return members.length ? members : (tenant?.users ?? []);
  }

  #channel() {
    const channels = this.tenant().teams[0]?.channels ?? [];
    return channels.find((one) => /incident/i.test(one.name)) ?? channels[0];
  }

  #renderHead(tenant) {
    const team = tenant.teams[0];
    const missing = team && !team.installed ? " · Vouch is not installed" : "";
    setText(this.subtitle, `${tenant.name} · ${this.#channel()?.name ?? "no channel"}${missing}`);
    if (this.tenantSelect) this.#renderTenants(tenant);
    const people = this.#people().map((one) => ({ value: one.id, label: one.name + roleTag(one) }));
    setOptions(this.actorSelect, [{ options: people }], this.actor());
    this.composer.setLabel(`Start a post in ${this.#channel()?.name ?? "the channel"}`);
  }

  #renderTenants(current) {
    const count = (one) => (one.id === current.id ? 0 : this.store.unreadOfTenant(one.id));
    const options = this.tenants().map((one) => ({ value: one.id, label: one.name + newTag(count(one)) }));
    setOptions(this.tenantSelect, [{ options }], current.id);
    const others = this.tenants().filter(count);
    this.showElsewhere(others.map((one) => ({ name: one.name, count: count(one), go: () => this.showTenant(one.id) })));
  }

  #renderThreads(tenant) {
    const threads = this.store.threadsOf(tenant.id);
    const view = this.#viewOf(tenant);
    if (this.#shown !== view) this.#swap(view);
    reconcile(view.root, view.threads, threads, (one) => new ThreadView(one, this));
    this.showEmpty(threads.length ? null : this.emptyText(tenant));
  }

  #viewOf(tenant) {
    if (!this.#tenantViews.has(tenant.id)) {
      this.#tenantViews.set(tenant.id, { root: el("div", { class: "threads" }), threads: new Map(), scroll: 0 });
    }
    return this.#tenantViews.get(tenant.id);
  }

  #swap(view) {
    if (this.#shown) this.#shown.scroll = this.scroller.scrollTop;
    this.#shown = view;
    this.list.replaceChildren(view.root);
    this.scroller.scrollTop = view.scroll;
  }

  async reply(conversation, text, mentionBot) {
    return this.#post(conversation, text, mentionBot);
  }

  async #post(conversation, text, mentionBot) {
    const { status } = await api.postMessage(conversation, { from: this.actor(), text, mentionBot });
    this.store.invalidate(conversation);
    return status === null ? "Vouch does not hear this. Mention it with @Vouch." : failure(status);
  }
}

class ThreadView {
  #views = new Map();
  #all = false;

  constructor(thread, pane) {
    this.pane = pane;
    this.id = thread.id;
    this.rootList = el("div", { class: "thread-root" });
    this.more = el("button", { type: "button", class: "link more", hidden: true, on: { click: () => this.#showAll() } });
    this.replies = el("div", { class: "replies" });
    this.rootViews = new Map();
    this.composer = composer({ testid: "reply", label: "Reply", mention: true, onSend: (text, at) => pane.reply(this.id, text, at) });
    this.root = el("section", { class: "thread", testid: "thread", ariaLabel: `Thread: ${thread.title ?? ""}` }, this.rootList, this.more, this.replies, this.composer.root);
    this.root.dataset.conversationId = thread.id;
  }

  update(thread) {
    this.thread = thread;
    const [first, ...replies] = thread.messages;
    const create = (message) => new MessageView(message, { store: this.pane.store, conversation: thread.id, actor: () => this.pane.actor() });
    reconcile(this.rootList, this.rootViews, [first], create);
    reconcile(this.replies, this.#views, this.#visible(replies), create);
  }

  #visible(replies) {
    const cut = !this.#all && replies.length > LONG_THREAD;
    this.more.hidden = !cut;
    if (!cut) return replies;
    setText(this.more, `Show ${replies.length - SHOWN_OF_LONG} earlier replies`);
    this.pane.store.passOver(this.id, replies.slice(0, -SHOWN_OF_LONG).map((one) => one.id));
    return replies.slice(-SHOWN_OF_LONG);
  }

  #showAll() {
    this.#all = true;
    this.update(this.thread);
  }
}

/** One person's 1:1 chat with the bot. */
export class PersonPane extends Pane {
  #chats = new Map(); // user id -> {root, views, scroll, draft}
  #shown = null;

  constructor({ preferred, emptyText, ...frame }) {
    super(frame);
    Object.assign(this, { preferred, emptyText });
    this.personSelect = this.select("Acting as", "person-select", (id) => this.showPerson(id));
    this.composer = composer({ testid: "composer-person", label: "Write to Vouch", onSend: (text) => this.#send(text) });
    this.footer.append(this.composer.root);
  }

  person() {
    const people = this.#people();
    return people.find((one) => one.id === this.personId) ?? people.find((one) => one.name === this.preferred) ?? people[0];
  }

  /** True while the visitor is in the middle of something here. */
  busy() {
    const focused = document.activeElement;
    return Boolean(this.composer.input.value.trim()) || (this.list.contains(focused) && focused.matches("input, textarea, select"));
  }

  showPerson(id) {
    this.personId = id;
    this.onManual?.();
    this.render();
  }

  /** Brings the newest message into view. */
  reveal() {
    if (!this.busy()) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  unread() {
    return [...this.store.conversations.values()]
      .filter((one) => one.kind === "personal")
      .reduce((sum, one) => sum + this.store.unreadIn(one.id), 0);
  }

  render() {
    const person = this.person();
    if (!person) return;
    this.#renderHead(person);
    this.#renderChat(person);
    this.refreshPill();
  }

  #people() {
    return [...this.store.customers(), this.store.provider()].filter(Boolean).flatMap((tenant) => tenant.users);
  }

  #renderHead(person) {
    const state = person.blocked ? " · has blocked Vouch" : person.installed ? "" : " · has not got the app yet";
    setText(this.subtitle, `${person.name}${roleTag(person)} · with ${this.store.bot.name}${state}`);
    const unread = (user) => (user.id === person.id ? 0 : this.store.unreadIn(this.store.chatOf(user.id)?.id));
    const groups = this.store.tenants.map((tenant) => ({
      label: tenant.name,
      options: tenant.users.map((user) => ({ value: user.id, label: user.name + roleTag(user) + newTag(unread(user)) })),
    }));
    setOptions(this.personSelect, groups, person.id);
    const others = this.#people().filter(unread);
    this.showElsewhere(others.map((user) => ({ name: user.name, count: unread(user), go: () => this.showPerson(user.id) })));
    this.composer.setLabel(`Write to Vouch as ${person.givenName ?? person.name}`);
  }

  #renderChat(person) {
    const chat = this.store.chatOf(person.id);
    const view = this.#viewOf(person.id);
    const arrived = this.#shown !== view;
    if (arrived) this.#swap(view);
    const atBottom = this.#distanceToBottom() < NEAR_BOTTOM;
    const create = (message) => new MessageView(message, { store: this.store, conversation: chat.id, actor: () => this.person().id });
    reconcile(view.root, view.views, chat?.messages ?? [], create);
    this.showEmpty(chat?.messages.length ? null : this.emptyText(person));
    if (arrived && view.scroll !== null) this.scroller.scrollTop = view.scroll;
    else if (arrived || atBottom) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #distanceToBottom() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
  }

  #viewOf(userId) {
    if (!this.#chats.has(userId)) {
      this.#chats.set(userId, { root: el("div", { class: "chat" }), views: new Map(), scroll: null, draft: "" });
    }
    return this.#chats.get(userId);
  }

  #swap(view) {
    if (this.#shown) {
      this.#shown.scroll = this.#distanceToBottom() < NEAR_BOTTOM ? null : this.scroller.scrollTop;
      this.#shown.draft = this.composer.input.value;
    }
    this.#shown = view;
    this.list.replaceChildren(view.root);
    this.composer.setText(view.draft);
  }

  async #send(text) {
    const person = this.person();
    const chat = this.store.chatOf(person.id) ?? (await api.openChat(person.id));
    const { status } = await api.postMessage(chat.id, { from: person.id, text });
    this.store.invalidate(chat.id);
    this.scroller.scrollTop = this.scroller.scrollHeight;
    return failure(status);
  }
}
