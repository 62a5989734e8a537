// Elements, built without ever parsing data as HTML.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setProp(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
  else if (name === "testid") node.dataset.testid = value;
  else if (name === "class") node.className = value;
  else if (name in node && name !== "list") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

const ICONS = {
  building: "M3 17V4.5A1.5 1.5 0 0 1 4.5 3h7A1.5 1.5 0 0 1 13 4.5V17m0-9h2.5A1.5 1.5 0 0 1 17 9.5V17M2 17h16M6 6.5h1m2.5 0h1M6 9.5h1m2.5 0h1M6 12.5h1m2.5 0h1",
  person: "M10 10a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM4 17c0-2.8 2.7-4.5 6-4.5s6 1.7 6 4.5",
  shield: "M10 2.5 16 5v4.5c0 3.8-2.5 6.5-6 8-3.5-1.5-6-4.2-6-8V5l6-2.5Zm-2.5 7 2 2 3.5-3.5",
  bell: "M10 3a4.5 4.5 0 0 0-4.5 4.5V11L4 13.5h12L14.5 11V7.5A4.5 4.5 0 0 0 10 3Zm-1.8 10.5a1.9 1.9 0 0 0 3.6 0",
  send: "M3.5 10 2.5 3.5 17.5 10l-15 6.5 1-6.5Zm0 0h7",
  close: "M5 5l10 10M15 5 5 15",
  check: "M4.5 10.5 8 14l7.5-8",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v2m0 12v2M2 10h2m12 0h2M4.3 4.3l1.5 1.5m8.4 8.4 1.5 1.5m0-11.4-1.5 1.5M5.8 14.2l-1.5 1.5",
  moon: "M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z",
  eye: "M2 10c1.8-3.3 4.6-5 8-5s6.2 1.7 8 5c-1.8 3.3-4.6 5-8 5s-6.2-1.7-8-5Zm8 2.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Brings `container` in line with `items`, leaving the nodes of unchanged items where they are. */
export function reconcile(container, views, items, create) {
  const wanted = new Set(items.map((item) => item.id));
  for (const [id, view] of views) {
    if (!wanted.has(id)) {
      view.root.remove();
      views.delete(id);
    }
  }
  let cursor = container.firstElementChild;
  for (const item of items) {
    let view = views.get(item.id);
    if (!view) views.set(item.id, (view = create(item)));
    if (view.root === cursor) cursor = cursor.nextElementSibling;
    else container.insertBefore(view.root, cursor);
    view.update(item);
  }
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replaces the options of a select only when they differ, so an open list is not disturbed. */
export function setOptions(select, groups, value) {
  const signature = JSON.stringify(groups);
  if (select.dataset.signature !== signature) {
    select.dataset.signature = signature;
    select.replaceChildren(...groups.flatMap(optionGroup));
  }
  if (value !== undefined && select.value !== value) select.value = value;
}

function optionGroup({ label, options }) {
  const nodes = options.map((option) => el("option", { value: option.value }, option.label));
  return label ? [el("optgroup", { label }, nodes)] : nodes;
}
