// What the music moves on a deck: the list of mappings, each with a bar that moves with its signal, changed live.

import { button, slider } from "./controls.js";
import { desk } from "./connection.js";
import { fill, h, put, say, select, words } from "./dom.js";

const keyOf = map => `${map.signal} ${map.to}${map.acts ? ` ${map.acts}` : ""}`;
const opened = new Set(); // keys of the rows that are open, kept when a row is made anew

/** Return a parameter's path as people read it: "fx/bloom/amount" is "Bloom amount". */
export function named(to, deck) {
  const parts = to.split("/"), label = desk.tree.get(`/deck/${deck}/${to}`)?.label || words(parts.at(-1));
  return parts[0] === "fx" ? `${words(parts[1])} ${label.toLowerCase()}` : label;
}

/** Return all parameters of a deck: [[path, name]]. */
export function targets(deck) {
  const start = `/deck/${deck}/`;
  return [...desk.tree.values()].filter(item => item.address.startsWith(start) && typeof item.min === "number")
    .map(item => item.address.slice(start.length)).map(to => [to, named(to, deck)]);
}

const signals = () => (desk.library?.signals ?? []).map(name => [name, words(name)]);

function send(deck, map) {
  const { signal, to, curve, attack, release, low, high, times, acts } = map;
  const more = acts ? [times || "none", acts] : times ? [times] : [];
  desk.sendAs(`/deck/${deck}/map ${keyOf(map)}`, `/deck/${deck}/map`, signal, to, curve, attack, release, low, high, ...more);
}

/** Return in which acts a mapping moves something, for people; nothing for all. */
function actsOf(map, deck) {
  const names = String(desk.value(`/state/deck/${deck}/acts`, "")).split(" ").filter((name, k) => name && map.acts >> k & 1);
  return map.acts && names.length ? ` · ${names.map(words).join(", ").toLowerCase()}` : "";
}

const actNames = deck => String(desk.value(`/state/deck/${deck}/acts`, "")).split(" ").filter(Boolean);

/** Take a mapping away, and leave alone those of the same signal on the same parameter: times another one, or in other acts. */
function unmap(deck, map) {
  const alike = (desk.documents.get("mappings")?.[deck] ?? []).filter(one => one.signal === map.signal && one.to === map.to);
  desk.send(`/deck/${deck}/unmap`, map.signal, map.to, ...(alike.length > 1 ? [map.times || "none", map.acts ?? 0] : []));
}

/** Return the row of one mapping. `row.update(map)` shows what it is now. */
function row(deck, first) {
  let map = { ...first };
  const key = keyOf(map), item = desk.tree.get(`/deck/${deck}/${map.to}`) ?? { min: 0, max: 1, unit: "" };
  const span = item.max - item.min;
  const bar = h("span", { class: "signalbar", "aria-hidden": "true" }), title = h("span", { class: "maptitle" }), facts = h("small");
  const body = h("div", { class: "mapbody" });
  const head = h("button", { type: "button", class: "maphead", onclick: () => open(body.hidden) }, title, facts, bar);
  const node = h("li", { class: "map" }, head,
    button("✕", () => unmap(deck, map), { kind: "remove", label: `Remove ${words(map.signal)} on ${named(map.to, deck)}` }), body);
  const change = part => { map = { ...map, ...part }; show(); send(deck, map); };
  // Another signal or parameter is another mapping: the old one goes first.
  const replace = part => {
    unmap(deck, map);
    const next = { ...map, ...part };
    opened.add(`${deck} ${keyOf(next)}`);
    send(deck, next);
  };
  let parts = null;
  const build = () => {
    const lists = {
      signal: select("Signal", signals(), value => replace({ signal: value })),
      to: select("Parameter", targets(deck), value => replace({ to: value })),
      curve: select("Curve", (desk.library?.curves ?? [map.curve]).map(name => [name, words(name)]), value => change({ curve: value })),
      times: select("Times", [["", "nothing"], ...signals()], value => change({ times: value })),
    };
    const range = Math.max(span, Math.abs(map.low), Math.abs(map.high));
    const amount = (name, label, min, max, initial, unit) => slider({ label, min, max, initial, unit, scrolls: true, kind: `deck-${deck}`, moved: value => change({ [name]: value }) });
    const sliders = {
      attack: amount("attack", "Attack", 0, Math.max(2, map.attack), 0, "s"), release: amount("release", "Release", 0, Math.max(4, map.release), 0.2, "s"),
      low: amount("low", "Low", -range, range, 0, item.unit), high: amount("high", "High", -range, range, span / 4, item.unit),
    };
    for (const node of Object.values(lists)) { node.setAttribute("data-control", ""); node.disabled = !desk.usable; }
    for (const [name, label] of [["signal", "Signal"], ["to", "Moves"], ["curve", "Curve"], ["times", "Times"]]) {
      body.append(h("label", { class: "field" }, h("span", { text: label }), lists[name]));
    }
    body.append(...Object.values(sliders));
    // In which acts it works: none that is chosen is all of them.
    const acts = actNames(deck).map((name, k) => {
      const one = button(words(name), () => {
        const now = (map.acts ?? 0) ^ (1 << k);
        opened.add(`${deck} ${keyOf({ ...map, acts: now })}`);
        desk.send(`/deck/${deck}/map_acts`, map.signal, map.to, map.times || "none", map.acts ?? 0, now);
      }, { kind: "act", label: `In act ${words(name)}` });
      one.bit = 1 << k;
      return one;
    });
    if (acts.length) body.append(h("div", { class: "mapacts", role: "group", "aria-label": "Acts that it works in" }, h("span", { text: "Only in" }), ...acts));
    parts = { lists, sliders, acts };
  };
  const open = wanted => {
    if (wanted && !parts) { build(); show(); }
    body.hidden = !wanted;
    head.setAttribute("aria-expanded", String(wanted));
    if (wanted) opened.add(`${deck} ${key}`);
    else opened.delete(`${deck} ${key}`);
  };
  const show = () => {
    const round = value => String(Math.round(value * 100) / 100);
    say(title, `${words(map.signal)} → ${named(map.to, deck)}`);
    say(facts, `${map.curve}${map.times ? ` × ${words(map.times).toLowerCase()}` : ""}, ${round(map.low)} to ${round(map.high)}${actsOf(map, deck)}`);
    if (!parts) return;
    for (const [name, list] of Object.entries(parts.lists)) if (document.activeElement !== list || list.value !== map[name]) list.value = map[name] ?? "";
    for (const [name, one] of Object.entries(parts.sliders)) one.set(map[name]);
    for (const one of parts.acts) one.setAttribute("aria-pressed", String(Boolean(map.acts & one.bit)));
  };
  node.update = next => { map = { ...next }; show(); };
  node.level = values => put(bar, "--v", Math.min(1, Math.max(0, values[map.signal] ?? 0)));
  open(opened.has(`${deck} ${key}`));
  show();
  return node;
}

function adder(deck) {
  const signal = select("Signal of the new mapping", [], () => {}), to = select("Parameter of the new mapping", [], () => {});
  for (const list of [signal, to]) list.setAttribute("data-control", "");
  const names = () => { fill(signal, signals()); fill(to, targets(deck)); };
  desk.onLibrary(names);
  desk.onTree(names);
  const add = () => {
    const item = desk.tree.get(`/deck/${deck}/${to.value}`);
    if (!item || !signal.value) return;
    const map = { signal: signal.value, to: to.value, curve: "linear", attack: 0.02, release: 0.25, low: 0, high: (item.max - item.min) / 4, times: "" };
    opened.add(`${deck} ${keyOf(map)}`);
    send(deck, map);
  };
  return h("div", { class: "adder" }, signal, h("span", { text: "moves", "aria-hidden": "true" }), to, button("Add", add));
}

/** Return the panel with all mappings of a deck. */
export function mappingList(deck) {
  const list = h("ul", { class: "maps" }), none = h("p", { class: "empty", text: "The music moves nothing here yet." });
  let rows = new Map();
  const update = maps => {
    const here = maps?.[deck] ?? [], next = new Map();
    for (const map of here) {
      const key = keyOf(map), known = next.has(key) ? null : rows.get(key);
      if (known) known.update(map);
      next.set(next.has(key) ? `${key} ${next.size}` : key, known ?? row(deck, map)); // a scene may map one signal twice
    }
    rows = next;
    const nodes = [...next.values()];
    // Only where the rows are others: putting a node back in its place would drop the finger that is on it.
    if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) list.replaceChildren(...nodes);
    none.hidden = nodes.length > 0;
  };
  desk.onDocument("mappings", update);
  let built = "";
  const renew = () => {
    const names = JSON.stringify([signals(), targets(deck), actNames(deck)]);
    if (names === built) return; // rows that a hand may be on stay
    built = names;
    rows = new Map();
    update(desk.documents.get("mappings"));
  };
  desk.onTree(renew);
  desk.onLibrary(renew);
  desk.on(`/state/deck/${deck}/acts`, renew);
  desk.onDocument("signals", values => { if (list.offsetParent) for (const node of rows.values()) node.level(values); });
  return h("section", { class: "panel mappings", "aria-label": `What the music moves on deck ${deck}` }, h("h2", { text: "What the music moves" }), adder(deck), none, list);
}
