// Adaptive Cards, drawn by Microsoft's own renderer and dressed like Teams.

import { el } from "./dom.js";
import { cardMarkdown } from "./text.js";

const AC = window.AdaptiveCards;

/** What the renderer did not understand; a test asserts that this stays empty. */
window.vouchParseEvents = [];

let knownMentions = new Set(); // Markdown is processed while one card renders, without naming the card
let report = () => {};

AC.AdaptiveCard.onProcessMarkdown = (text, result) => {
  const unknown = (at) => report("MentionWithoutEntity", `${at} has no entry in msteams.entities`);
  result.outputHtml = cardMarkdown(text, knownMentions, unknown);
  result.didProcess = true;
};

/**
 * Draws a card. `onAction({action, inputs, as, feedback, button})` hears Execute and Submit,
 * `onUrl(url)` hears links.
 */
export function renderCard(json, { activityId, onAction, onUrl }) {
  report = (event, message) => window.vouchParseEvents.push({ activityId, event, message });
  knownMentions = mentionsOf(json);
  const card = new AC.AdaptiveCard();
  card.hostConfig = hostConfig;
  card.onExecuteAction = (action) => act(action, onAction, onUrl);
  card.onAnchorClicked = (_element, anchor) => {
    onUrl(anchor.getAttribute("href") ?? "");
    return true;
  };
  parse(card, withNames(json));
  return el("div", { class: "card" }, card.render() ?? el("p", { class: "quiet" }, "This card could not be shown."));
}

function mentionsOf(json) {
  const entities = json?.msteams?.entities ?? [];
  return new Set(entities.filter((one) => one.type === "mention").map((one) => one.text));
}

function parse(card, json) {
  const context = new AC.SerializationContext();
  try {
    card.parse(json, context);
  } catch (error) {
    report("Unreadable", String(error));
  }
  for (let index = 0; index < context.eventCount; index += 1) {
    const { event, message } = context.getEventAt(index);
    report(AC.ValidationEvent[event] ?? String(event), message);
  }
}

function act(action, onAction, onUrl) {
  if (action instanceof AC.OpenUrlAction) return onUrl(action.url ?? "");
  if (!(action instanceof AC.ExecuteAction || action instanceof AC.SubmitAction)) return undefined;
  return onAction({
    action: nameOf(action),
    inputs: inputsOf(action),
    as: action instanceof AC.SubmitAction ? "submit" : "execute",
    feedback: action.data?.msteams?.feedback?.hide !== true,
    button: action.renderedElement,
  });
}

const PLACE = "#";

/** A copy in which an action without an id is named by its place among all actions of the card. */
function withNames(json) {
  const copy = structuredClone(json);
  allActions(copy).forEach((action, place) => (action.id ??= PLACE + place));
  return copy;
}

const nameOf = ({ id }) => (id.startsWith(PLACE) ? Number(id.slice(PLACE.length)) : id);

// Where the simulator looks for actions, in its order, so that both count alike.
const HOLDING = ["body", "items", "columns", "rows", "cells", "inlines", "selectAction", "inlineAction", "actions", "card"];

function allActions(node) {
  if (Array.isArray(node)) return node.flatMap(allActions);
  if (node === null || typeof node !== "object") return [];
  const own = typeof node.type === "string" && node.type.startsWith("Action.") ? [node] : [];
  return [...own, ...HOLDING.flatMap((key) => allActions(node[key]))];
}

function inputsOf(action) {
  const inputs = Object.values(action.getReferencedInputs() ?? {});
  return Object.fromEntries(inputs.filter((one) => one.value !== undefined).map((one) => [one.id, one.value]));
}

// Colours are the page's own custom properties, so that light and dark need no second rendering.

const colour = (name) => ({ default: `var(--ac-${name})`, subtle: `var(--ac-${name}-subtle)` });
const foregroundColors = Object.fromEntries(
  ["default", "dark", "light", "accent", "attention", "good", "warning"].map((name) => [name, colour(name)]),
);
const containerStyle = (name) => ({ backgroundColor: `var(--ac-bg-${name})`, foregroundColors });

const font = (family) => ({
  fontFamily: `var(${family})`,
  fontSizes: { small: 12, default: 14, medium: 16, large: 18, extraLarge: 24 },
  fontWeights: { lighter: 400, default: 400, bolder: 600 },
});

const hostConfig = new AC.HostConfig({
  supportsInteractivity: true,
  spacing: { small: 4, default: 8, medium: 12, large: 20, extraLarge: 28, padding: 14 },
  separator: { lineThickness: 1, lineColor: "var(--line)" },
  fontTypes: { default: font("--font"), monospace: font("--mono") },
  imageSizes: { small: 32, medium: 52, large: 100 },
  containerStyles: Object.fromEntries(
    ["default", "emphasis", "accent", "good", "attention", "warning"].map((name) => [name, containerStyle(name)]),
  ),
  actions: {
    maxActions: 6,
    spacing: "default",
    buttonSpacing: 8,
    actionsOrientation: "horizontal",
    actionAlignment: "left",
    showCard: { actionMode: "inline", inlineTopMargin: 12, style: "emphasis" },
  },
  adaptiveCard: { allowCustomStyle: false },
  imageSet: { imageSize: "medium", maxImageHeight: 100 },
  factSet: {
    title: { color: "default", size: "default", isSubtle: true, weight: "default", wrap: true, maxWidth: 150 },
    value: { color: "default", size: "default", isSubtle: false, weight: "default", wrap: true },
    spacing: 12,
  },
  inputs: {
    label: {
      inputSpacing: "small",
      requiredInputs: { weight: "bolder", color: "default", size: "default", suffix: " *", suffixColor: "attention" },
      optionalInputs: { weight: "bolder", color: "default", size: "default" },
    },
    errorMessage: { weight: "default", color: "attention", size: "small", spacing: "small" },
  },
});
