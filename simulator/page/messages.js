// One message: who, when, text, card, and what came back from a click.

import * as api from "./api.js";
import { el, icon, setText } from "./dom.js";
import { renderCard } from "./render-card.js";
import { messageText, plainText, timeElement } from "./text.js";

const CARD = "application/vnd.microsoft.card.adaptive";
const OPENABLE = ["https://security.microsoft.com", "https://teams.microsoft.com"];
const TEAMS_FAILURE = "Something went wrong. Please try again.";

export class MessageView {
  #signature = null;
  #version = null;

  /** `actor()` answers the user who acts in this pane; `conversation` is where the message lives. */
  constructor(message, { store, conversation, actor }) {
    Object.assign(this, { store, conversation, actor, id: message.id });
    this.body = el("div", { class: "message-body" });
    this.notes = el("div", { class: "notes" });
    this.meta = el("span", { class: "message-meta" });
    this.root = el("article", { class: "message", testid: "message", tabIndex: -1 },
      avatar(message.from),
      el("div", { class: "message-main" },
        el("header", { class: "message-head" },
          el("span", { class: "author" }, message.from.name),
          message.from.kind === "bot" && el("span", { class: "badge" }, "App"),
          timeElement(message.at),
          this.meta),
        this.body,
        this.notes));
    this.root.dataset.activityId = message.id;
    this.root.addEventListener("click", (event) => this.#onLink(event));
  }

  update(message) {
    this.#mark(message);
    const signature = JSON.stringify([message.edits, message.deleted, message.editedAt, this.#view(message), message.activity]);
    if (signature === this.#signature) return;
    this.#signature = signature;
    const hadFocus = this.body.contains(document.activeElement);
    this.body.replaceChildren(...this.#content(message));
    setText(this.meta, message.deleted ? "" : message.edits ? "Edited" : "");
    if (hadFocus) this.root.focus({ preventScroll: true });
  }

  #mark(message) {
    const unread = this.store.unread.get(this.conversation)?.has(this.id) ?? false;
    const version = `${message.edits}/${message.deleted}`;
    const changed = this.#version !== version;
    this.#version = version;
    this.root.classList.toggle("from-actor", message.from.id === this.actor());
    this.root.classList.toggle("is-new", unread);
    if (!unread) return;
    if (changed) flash(this.root);
    untilSeen(this.root, () => this.store.markSeen(this.conversation, this.id));
  }

  #view(message) {
    return message.viewFor?.[this.actor()] ?? null;
  }

  #content(message) {
    if (message.deleted) return [el("p", { class: "deleted" }, "This message has been deleted.")];
    const { activity } = message;
    const view = this.#view(message);
    const cards = (activity.attachments ?? []).filter((one) => one.contentType === CARD).map((one) => one.content);
    const shown = view ? [view] : cards;
    return [
      activity.text ? el("div", { class: "bubble" }, messageText(activity, message.from.kind === "bot")) : null,
      activity.summary && shown.length ? notification(activity.summary) : null,
      ...shown.map((card) => this.#card(card)),
      view ? el("p", { class: "view-note" }, icon("eye"), `Only ${this.#actorName()} sees this version.`) : null,
    ].filter(Boolean);
  }

  #card(json) {
    return renderCard(json, {
      activityId: this.id,
      onAction: (action) => this.#click(action),
      onUrl: (url) => this.#showUrl(url),
    });
  }

  #actorName() {
    return this.store.user(this.actor())?.name ?? "this person";
  }

  async #click({ action, inputs, as, feedback, button }) {
    const done = this.#pending(button);
    try {
      const answer = await api.click(this.conversation, this.id, { user: this.actor(), action, inputs, as });
      const heard = outcome(answer, as, feedback);
      if (heard) this.note(heard.kind, heard.text);
    } catch (error) {
      this.note("error", error.message);
    } finally {
      done();
      this.store.invalidate(this.conversation);
    }
  }

  #pending(button) {
    const buttons = [...this.body.querySelectorAll("button.ac-pushButton:not(:disabled)")];
    for (const one of buttons) one.disabled = true;
    button?.classList.add("pending");
    button?.setAttribute("aria-busy", "true");
    return () => {
      for (const one of buttons) one.disabled = false;
      button?.classList.remove("pending");
      button?.removeAttribute("aria-busy");
      if (button?.isConnected && document.activeElement === document.body) button.focus({ preventScroll: true });
    };
  }

  #onLink(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || link.dataset.safe) return;
    event.preventDefault();
    this.#showUrl(link.getAttribute("href"));
  }

  #showUrl(url) {
    const copy = el("button", { type: "button", class: "link", on: { click: () => copyText(url, copy) } }, "Copy");
    const open = openable(url) && el("a", { class: "link", href: url, target: "_blank", rel: "noopener noreferrer" }, "Open");
    if (open) open.dataset.safe = "";
    this.note("info", "The card links to", el("code", {}, url), copy, open || null);
  }

  note(kind, text, ...extra) {
    const close = el("button", { type: "button", class: "icon-button", ariaLabel: "Dismiss", on: { click: () => note.remove() } }, icon("close"));
    const note = el("div", { class: `note note-${kind}`, role: kind === "error" ? "alert" : "status", testid: "note" },
      el("div", { class: "note-text" }, el("span", {}, text), ...extra), close);
    this.notes.replaceChildren(note);
    if (kind === "ok") setTimeout(() => note.remove(), 12_000);
    note.scrollIntoView?.({ block: "nearest" });
  }
}

/** What Teams would tell the person who clicked, or null when the card itself tells it. */
export function outcome({ status, body }, as, feedback) {
  if (!status || status >= 400) return { kind: "error", text: `${TEAMS_FAILURE} (the bot answered ${status || "nothing"})` };
  if (as === "submit") return feedback ? { kind: "ok", text: "Your response was sent to the app." } : null;
  const type = body?.type ?? "";
  if (type === "application/vnd.microsoft.activity.message") return { kind: "ok", text: String(body.value) };
  if (type.startsWith("application/vnd.microsoft.error") || body?.statusCode >= 400) {
    return { kind: "error", text: body.value?.message ?? `${TEAMS_FAILURE} (${body.statusCode})` };
  }
  return null;
}

export function summaryOf(message) {
  const { activity } = message;
  if (message.deleted) return "a message was deleted";
  return plainText(activity.summary || activity.text) || "a card";
}

function openable(url) {
  try {
    const { origin, protocol, hostname } = new URL(url);
    return OPENABLE.includes(origin) || (protocol === "http:" && hostname === "127.0.0.1");
  } catch {
    return false;
  }
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    setText(button, "Copied");
  } catch {
    setText(button, "Select the address and copy it");
  }
}

function notification(summary) {
  return el("p", { class: "notification", title: "What the lock screen and the activity feed show" }, icon("bell"),
    el("span", { class: "offscreen" }, "Notification: "), plainText(summary));
}

function avatar(from) {
  if (from.kind === "bot") return el("span", { class: "avatar avatar-bot", ariaHidden: "true" }, "V");
  const initials = from.name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  const node = el("span", { class: "avatar", ariaHidden: "true" }, initials);
  node.dataset.tint = [...from.name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 5;
  return node;
}

function flash(node) {
  node.classList.remove("flash");
  void node.offsetWidth; // restarts the animation
  node.classList.add("flash");
}

const LOOK = 1800; // long enough to have read the first line
const watched = new Map();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const watch = watched.get(target);
    if (!watch) continue;
    clearTimeout(watch.timer);
    if (isIntersecting) watch.timer = setTimeout(() => seen(target, watch), LOOK);
  }
}, { threshold: 0.15 });

function untilSeen(node, onSeen) {
  if (watched.has(node)) return;
  watched.set(node, { onSeen, timer: null });
  observer.observe(node);
}

function seen(node, watch) {
  watched.delete(node);
  observer.unobserve(node);
  watch.onSeen();
}
