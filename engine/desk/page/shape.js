// The view for shaping a deck: its parameters and effects, what the music moves, its acts, undo, and saving it all as a scene.

import { actPanel } from "./acts.js";
import { button, slider } from "./controls.js";
import { desk } from "./connection.js";
import { h, say, slugOf, words } from "./dom.js";
import { mappingList } from "./mappings.js";
import { hidden, styleName } from "./mix.js";

// Which parameters only some kinds of style listen to. Those of the other kinds stay closed until they are wanted.
const KINDS = { gan: ["psi", "mixing", "coarse", "fine", "bend_coarse", "bend_fine"], vqvae: ["loop", "bars", "melt", "mutate"],
  picture: ["wander", "scrub", "pingpong", "through"] };
const OPEN = { gan: ["gan"], vqvae: ["vqvae"], image: ["picture", "vqvae"], clip: ["picture", "vqvae"], camera: ["picture", "vqvae"] };
const SAVED_MS = 1500; // until what came of a save is shown, though it is what came of the last one
const TITLES = { "": "Place, time and light", gan: "Only for GANs", vqvae: "Loops and codes", picture: "Only for pictures, clips and cameras" };

function kindOf(deck) {
  const slug = desk.value(`/state/deck/${deck}/style`, "");
  return desk.library?.styles.find(style => style.slug === slug)?.kind ?? slug.split(":")[0];
}

/** Return a row: the slider of one parameter, and the small button that takes it back to its default. */
function row(item, deck, label = item.label) {
  const one = slider({ address: item.address, label, min: item.min, max: item.max, initial: item.initial, unit: item.unit,
    scrolls: true, kind: `deck-${deck}` });
  const back = button("↺", () => one.reset(), { kind: "back", label: `${label} back to its default` });
  const node = h("div", { class: "param" }, one, back);
  if (item.initial === undefined) back.hidden = true;
  node.mark = count => one.rename(count ? `${label} ♪${count > 1 ? count : ""}` : label);
  return node;
}

/** Return a group that opens and closes. */
function group(title, rows, open) {
  const body = h("div", { class: "groupbody" }, ...rows);
  const head = h("button", { type: "button", class: "grouphead", onclick: () => node.open(body.hidden) }, h("span", { text: title }));
  const node = h("div", { class: "group" }, head, body);
  node.open = wanted => { body.hidden = !wanted; head.setAttribute("aria-expanded", String(wanted)); };
  node.open(open);
  return node;
}

/** Return one effect: its amount is always there, the rest opens. */
function effect(name, items, deck, rows) {
  const amount = items.find(item => item.address.endsWith("/amount")), others = items.filter(item => item !== amount);
  const body = h("div", { class: "groupbody", hidden: true });
  const head = h("button", { type: "button", class: "fxhead", "aria-expanded": "false", "aria-label": `${words(name)}: all parameters`,
    onclick: () => { body.hidden = !body.hidden; head.setAttribute("aria-expanded", String(!body.hidden)); } });
  const node = h("div", { class: "fx" }, h("div", { class: "fxrow" }, head), body);
  if (amount) {
    const line = row(amount, deck, words(name));
    rows.set(`fx/${name}/amount`, line);
    head.after(line);
    desk.on(amount.address, value => node.classList.toggle("active", value > 0));
  }
  for (const item of others) {
    const line = row(item, deck);
    rows.set(`fx/${name}/${item.address.split("/").pop()}`, line);
    body.append(line);
  }
  return node;
}

/** Return everything of one deck. */
function deckPanel(deck) {
  const params = h("section", { class: "panel params", "aria-label": `Parameters of deck ${deck}` }, h("h2", { text: "Picture" }));
  const effects = h("section", { class: "panel effects", "aria-label": `Effects of deck ${deck}` }, h("h2", { text: "Effects" }));
  const node = h("div", { class: `deckpanel deck-${deck}` }, params, effects, mappingList(deck), actPanel(deck));
  const groups = new Map(), rows = new Map();
  const sort = () => { for (const [kind, one] of groups) if (kind) one.open((OPEN[kindOf(deck)] ?? []).includes(kind)); };
  const mark = maps => {
    for (const [path, line] of rows) line.mark((maps?.[deck] ?? []).filter(map => map.to === path).length);
  };
  let built = "";
  desk.onTree(tree => {
    const here = [...tree.values()].filter(item => item.address.startsWith(`/deck/${deck}/`) && typeof item.min === "number");
    // The tree is read again whenever scenes change. Sliders that a hand may be on are made anew only if they are others.
    if (built === JSON.stringify(here)) return;
    built = JSON.stringify(here);
    groups.clear();
    rows.clear();
    const plain = here.filter(item => !item.address.includes("/fx/"));
    for (const kind of ["", ...Object.keys(KINDS)]) {
      const items = plain.filter(item => (Object.keys(KINDS).find(k => KINDS[k].includes(item.address.split("/").pop())) ?? "") === kind);
      const lines = items.map(item => { const line = row(item, deck); rows.set(item.address.split("/").pop(), line); return line; });
      if (items.length) groups.set(kind, group(TITLES[kind], lines, !kind));
    }
    params.replaceChildren(params.firstChild, ...groups.values());
    const names = [...new Set(here.filter(item => item.address.includes("/fx/")).map(item => item.address.split("/")[4]))];
    effects.replaceChildren(effects.firstChild, ...names.map(name =>
      effect(name, here.filter(item => item.address.startsWith(`/deck/${deck}/fx/${name}/`)), deck, rows)));
    sort();
    mark(desk.documents.get("mappings"));
  });
  desk.onDocument("mappings", mark);
  desk.onLibrary(sort);
  desk.on(`/state/deck/${deck}/style`, sort);
  return node;
}

function saving() {
  const name = h("input", { type: "text", placeholder: "Name of the scene", "aria-label": "Name of the scene", maxLength: 60,
    autocomplete: "off", spellcheck: false });
  const told = h("p", { class: "told", role: "status" });
  const saved = new Set(); // what was saved just now: the library that has it comes a second later
  const question = h("span"), ask = h("div", { class: "ask", hidden: true });
  const send = (...args) => {
    ask.hidden = true;
    if (!desk.send("/scene/save", slugOf(name.value), ...args)) return;
    // A second time of the same is no news, and is still to be seen.
    setTimeout(() => { if (!told.textContent) say(told, desk.value("/state/saved", "")); }, SAVED_MS);
  };
  const save = () => {
    const slug = slugOf(name.value), known = desk.library?.scenes.find(scene => scene.slug === slug);
    const there = known?.name ?? (saved.has(slug) && slug);
    say(told, slug ? "" : "Give it a name with letters or numbers.");
    ask.hidden = !there;
    if (there) say(question, `${there} is there already. Replace it?`);
    else if (slug) send();
  };
  ask.append(question, button("Replace", () => send(1), { kind: "danger" }), button("Keep", () => { ask.hidden = true; }));
  name.addEventListener("input", () => { ask.hidden = true; const slug = slugOf(name.value); say(told, slug ? `It will be called ${slug}` : ""); });
  let last = desk.value("/state/saved", "");
  desk.hear("/state/saved", text => {
    if (text === last) return; // told again because this page came back
    last = text;
    say(told, text);
    if (text.startsWith("saved: ")) saved.add(text.slice(7));
  });
  const form = h("form", { class: "save", onsubmit: event => { event.preventDefault(); if (desk.usable) save(); } }, name, button("Save as scene", save), ask, told);
  return form;
}

/** Return the view. */
export function shape() {
  const panels = { a: deckPanel("a"), b: deckPanel("b") };
  const tabs = {};
  const pick = deck => {
    for (const name of ["a", "b"]) {
      panels[name].hidden = name !== deck;
      tabs[name].setAttribute("aria-pressed", String(name === deck));
    }
  };
  for (const deck of ["a", "b"]) {
    const name = h("span", { class: "style" }), seen = h("small");
    tabs[deck] = h("button", { type: "button", class: `decktab deck-${deck}`, onclick: () => pick(deck) }, h("b", { text: deck.toUpperCase() }), name, seen);
    const show = () => {
      say(name, styleName(desk.value(`/state/deck/${deck}/style`, "")));
      const share = deck === "a" ? 1 - desk.value("/crossfade", 0) : desk.value("/crossfade", 0);
      say(seen, share < 0.005 ? "hidden" : share > 0.995 ? "seen" : `${Math.round(share * 100)} %`);
      tabs[deck].classList.toggle("seen", share > 0.005);
    };
    for (const address of [`/state/deck/${deck}/style`, "/crossfade"]) desk.on(address, show);
    desk.onLibrary(show);
  }
  const undo = button("Undo", () => desk.send("/undo"), { address: "/undo", kind: "undo" });
  desk.on("/state/undo", count => { say(undo, count ? `Undo (${count})` : "Undo"); undo.classList.toggle("none", !count); });
  pick(hidden() === "a" ? "b" : "a");
  const node = h("div", { class: "view shape" },
    h("div", { class: "shapebar" }, h("div", { class: "decktabs", role: "group", "aria-label": "Deck" }, tabs.a, tabs.b), undo, saving()),
    panels.a, panels.b);
  return { node, needs: () => ({ documents: ["mappings", "acts", "signals", "moved", "midi"], pictures: [] }) };
}
