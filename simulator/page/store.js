// What the page knows: the simulator's state, and what the visitor has not seen yet.

import * as api from "./api.js";

const DEBOUNCE = 60;
const CUT = 200; // the state holds this many of a conversation's newest messages; more are read apart
const MANY = 6; // from here on, one read of everything is cheaper than many small ones

export class Store extends EventTarget {
  tenants = [];
  bot = { id: "", name: "Vouch" };
  alarms = []; // of the on-call phone, newest first
  conversations = new Map();
  unread = new Map(); // conversation id -> Set of activity ids
  #dirty = new Set();
  #everything = false;
  #timer = null;
  #reading = false;
  #seenBefore = false;

  invalidate(conversation) {
    if (conversation && this.conversations.has(conversation)) this.#dirty.add(conversation);
    else this.#everything = true;
    this.#timer ??= setTimeout(() => this.#read(), DEBOUNCE);
  }

  invalidateAll() {
    this.invalidate(null);
  }

  customers() {
    return this.tenants.filter((tenant) => tenant.role === "customer");
  }

  provider() {
    return this.tenants.find((tenant) => tenant.role === "provider");
  }

  user(id) {
    for (const tenant of this.tenants) {
      const user = tenant.users.find((candidate) => candidate.id === id);
      if (user) return user;
    }
    return null;
  }

  tenantOf(userId) {
    return this.tenants.find((tenant) => tenant.users.some((user) => user.id === userId));
  }

  chatOf(userId) {
    return [...this.conversations.values()].find((one) => one.kind === "personal" && one.user === userId);
  }

  /** A tenant's threads, newest first; the order never changes while they are edited. */
  threadsOf(tenantId) {
    return [...this.conversations.values()]
      .filter((one) => one.kind === "thread" && one.tenant === tenantId && one.messages.length)
      .sort((a, b) => b.messages[0].at.localeCompare(a.messages[0].at) || b.id.localeCompare(a.id));
  }

  unreadIn(conversationId) {
    return this.unread.get(conversationId)?.size ?? 0;
  }

  unreadOfTenant(tenantId) {
    return this.threadsOf(tenantId).reduce((sum, one) => sum + this.unreadIn(one.id), 0);
  }

  markSeen(conversationId, activityId) {
    if (this.unread.get(conversationId)?.delete(activityId)) this.#changed([]);
  }

  /** Forgets as unread what a long thread folds away; said while drawing, so nobody is told. */
  passOver(conversationId, activityIds) {
    const unread = this.unread.get(conversationId);
    for (const id of activityIds) unread?.delete(id);
  }

  async #read() {
    this.#timer = null;
    if (this.#reading) return this.invalidateLater();
    this.#reading = true;
    const everything = this.#everything || this.#dirty.size >= MANY;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    this.#everything = false;
    try {
      this.#changed(everything ? await this.#readAll() : await this.#readSome(dirty));
    } catch (error) {
      this.dispatchEvent(new CustomEvent("problem", { detail: error }));
    } finally {
      this.#reading = false;
    }
  }

  invalidateLater() {
    this.#timer ??= setTimeout(() => this.#read(), DEBOUNCE);
  }

  async #readAll() {
    const state = await api.getState();
    this.tenants = state.tenants;
    this.bot = state.bot ?? this.bot;
    this.alarms = state.pager;
    const known = new Set(state.conversations.map((one) => one.id));
    for (const id of this.conversations.keys()) if (!known.has(id)) this.#forget(id);
    const whole = await Promise.all(state.conversations.map(complete));
    const news = whole.flatMap((one) => this.#take(one));
    this.#seenBefore = true;
    return news;
  }

  async #readSome(ids) {
    const parts = await Promise.all(ids.map((id) => api.getMessages(id)));
    return parts.flatMap((messages, index) => {
      const old = this.conversations.get(ids[index]);
      return old ? this.#take({ ...old, messages }) : [];
    });
  }

  #forget(id) {
    this.conversations.delete(id);
    this.unread.delete(id);
  }

  /** Keeps a conversation and answers which of its messages are new or changed. */
  #take(conversation) {
    const before = new Map((this.conversations.get(conversation.id)?.messages ?? []).map((one) => [one.id, version(one)]));
    this.conversations.set(conversation.id, conversation);
    if (!this.#seenBefore) return [];
    const news = conversation.messages
      .filter((one) => before.get(one.id) !== version(one))
      .map((message) => ({ conversation, message, edited: before.has(message.id) }));
    for (const { message } of news) if (message.from.kind === "bot") this.#markUnread(conversation.id, message.id);
    return news;
  }

  #markUnread(conversationId, activityId) {
    if (!this.unread.has(conversationId)) this.unread.set(conversationId, new Set());
    this.unread.get(conversationId).add(activityId);
  }

  #changed(news) {
    this.dispatchEvent(new CustomEvent("change", { detail: news }));
  }
}

export const version = (message) => `${message.edits}/${message.deleted}/${message.editedAt ?? ""}`;

async function complete(conversation) {
  if (conversation.messages.length < CUT) return conversation;
  return { ...conversation, messages: await api.getMessages(conversation.id) };
}
