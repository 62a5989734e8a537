// Text and times as Teams shows them, safely.

import { el } from "./dom.js";

const markdown = window.markdownit({ html: false, linkify: false, typographer: false }).disable("image");

// Private-use characters carry a mention through Markdown, which would escape <at> itself.
const OPEN = "\uE000";
const CLOSE = "\uE001";
const AT = /<at(?:\s[^<>]*)?>([^<>]*)<\/at>/gi;

const ALLOWED = new Set(
  "P BR B STRONG I EM U S STRIKE DEL CODE PRE UL OL LI BLOCKQUOTE A H1 H2 H3 H4 HR SPAN DIV TABLE THEAD TBODY TR TH TD".split(" "),
);

/** A message's text as nodes: plain, Markdown or Teams' small XML, whichever the activity says. */
export function messageText(activity, fromBot) {
  const text = activity.text ?? "";
  const format = activity.textFormat ?? (fromBot ? "markdown" : "plain");
  if (format === "plain") return plainNodes(text);
  return htmlNodes(format === "xml" ? text : renderMarkdown(text));
}

/** A message's text without any mark-up, for announcements. */
export function plainText(text) {
  return (text ?? "").replace(AT, "$1").replace(/[*`#]+|\b_+\B|\B_+\b/g, "").trim();
}

/** Markdown as HTML for the card renderer; only `known` mentions are styled, as in Teams. */
export function cardMarkdown(text, known, onUnknown) {
  const marked = text.replace(AT, (whole, name) => {
    if (known.has(whole)) return OPEN + name + CLOSE;
    onUnknown(whole);
    return whole;
  });
  return markdown.render(marked).replaceAll(OPEN, '<span class="mention">').replaceAll(CLOSE, "</span>");
}

function renderMarkdown(text) {
  const marked = text.replace(AT, `${OPEN}$1${CLOSE}`);
  return markdown.render(marked).replaceAll(OPEN, "<at>").replaceAll(CLOSE, "</at>");
}

function plainNodes(text) {
  const fragment = document.createDocumentFragment();
  const paragraph = el("p", { class: "plain" });
  let from = 0;
  for (const match of text.matchAll(AT)) {
    paragraph.append(text.slice(from, match.index), mention(match[1]));
    from = match.index + match[0].length;
  }
  paragraph.append(text.slice(from));
  fragment.append(paragraph);
  return fragment;
}

function htmlNodes(html) {
  // A document made by DOMParser is inert: nothing in it loads or runs before it is copied.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  copyAllowed(parsed.body, fragment);
  return fragment;
}

function copyAllowed(from, into) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) into.append(node.textContent);
    else if (node.nodeName === "AT") into.append(mention(node.textContent));
    else if (ALLOWED.has(node.nodeName)) copyElement(node, into);
    else if (!["SCRIPT", "STYLE"].includes(node.nodeName)) copyAllowed(node, into);
  }
}

function copyElement(node, into) {
  const copy = el(node.nodeName.toLowerCase());
  if (node.nodeName === "A") copy.setAttribute("href", node.getAttribute("href") ?? "");
  copyAllowed(node, copy);
  into.append(copy);
}

function mention(name) {
  return el("span", { class: "mention" }, name);
}

// Times: messages are stamped by Vouch's clock, which may be ahead of this one.

let lead = 0;

export function setLead(seconds) {
  lead = seconds * 1000;
  refreshTimes(document);
}

export const timeOf = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function timeElement(iso) {
  const time = el("time", { dateTime: iso, title: new Date(iso).toLocaleString() });
  time.dataset.live = "";
  refreshTime(time);
  return time;
}

export function refreshTimes(root) {
  root.querySelectorAll("time[data-live]").forEach(refreshTime);
}

function refreshTime(time) {
  const text = when(new Date(time.dateTime), new Date(Date.now() + lead));
  if (time.textContent !== text) time.textContent = text;
}

function when(at, now) {
  const clock = timeOf(at);
  if (Math.abs(now - at) < 60_000) return `${clock} · just now`;
  if (at.toDateString() === now.toDateString()) return clock;
  return `${at.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock}`;
}
