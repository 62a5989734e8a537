// A text box that sends on Enter, and keeps what was typed when sending fails.

import { el, icon, setText } from "./dom.js";

/** `onSend(text, mentionBot)` answers a sentence to show beneath the box, or nothing. */
export function composer({ testid, label, mention = false, onSend }) {
  const input = el("textarea", { rows: 1, testid, ariaLabel: label, placeholder: label });
  const send = el("button", { type: "submit", class: "icon-button send", ariaLabel: "Send", title: "Send (Enter)", disabled: true }, icon("send"));
  const at = mention ? mentionToggle() : null;
  const hint = el("p", { class: "composer-hint", role: "status" });
  const root = el("form", { class: "composer" }, el("div", { class: "composer-box" }, at, input, send), hint);

  const fit = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 120)}px`;
    send.disabled = !input.value.trim();
  };
  const submit = async () => {
    const text = input.value.trim();
    if (!text || root.ariaBusy === "true") return;
    root.ariaBusy = "true";
    input.readOnly = true;
    try {
      const said = await onSend(text, at?.getAttribute("aria-pressed") === "true");
      input.value = "";
      setText(hint, said ?? "");
    } catch (error) {
      setText(hint, error.message);
    } finally {
      root.ariaBusy = "false";
      input.readOnly = false;
      fit();
    }
  };
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  input.addEventListener("input", fit);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });

  return {
    root,
    input,
    setLabel(text) {
      if (input.placeholder === text) return;
      input.placeholder = text;
      input.ariaLabel = text;
    },
    setText(text) {
      input.value = text;
      setText(hint, "");
      fit();
    },
  };
}

function mentionToggle() {
  const button = el("button", { type: "button", class: "mention-toggle", title: "Mention Vouch, so that it certainly hears you" }, "@Vouch");
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });
  return button;
}
