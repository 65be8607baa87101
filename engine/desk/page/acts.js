// The acts of a deck, edited: which there are and in what order, how long each plays and what calls it, its style, its values.
//
// An act is said by its name: its number is another one once acts were moved, which a page hears of a moment later.

import { button, slider } from "./controls.js";
import { desk } from "./connection.js";
import { fill, h, say, select, slugOf, words } from "./dom.js";
import { named, targets } from "./mappings.js";

const MOST = 8;
const BARS = [1, 2, 4, 8, 12, 16, 24, 32, 64], BEATS = [0, 1, 2, 4, 8, 16, 32];
const CALLS = ["build", "break", "drop"];
const ORDER = ["drop", "build", "break"]; // in which the desk says several
const GROUPS = { cppn: "CPPN", gan: "GAN", vqvae: "VQ-VAE", isf: "Shaders", image: "Pictures", clip: "Clips", camera: "Cameras" };

/** Return a list that has no button of its own, ready to be used or not as all controls are. */
function list(label, onpick) {
  const node = select(label, [], onpick);
  node.setAttribute("data-control", "");
  node.disabled = !desk.usable;
  return node;
}

const field = (label, node) => h("label", { class: "field" }, h("span", { text: label }), node);

/** Put numbers into a list, the one that is set among them. */
function numbers(node, usual, value, text) {
  const all = [...new Set([...usual, value])].sort((a, b) => a - b);
  const built = all.join();
  if (node.dataset.built !== built) { fill(node, all.map(n => [n, text(n)])); node.dataset.built = built; }
  if (document.activeElement !== node || node.value !== String(value)) node.value = String(value);
}

/** Return the panel with the acts of a deck. */
export function actPanel(deck) {
  let acts = [], chosen = "", rows = new Map();
  const at = () => acts.findIndex(act => act.name === chosen);
  const send = (verb, ...args) => desk.send(`/deck/${deck}/${verb}`, ...args, chosen);

  // which, and in what order
  const chips = h("div", { class: "actlist", role: "group", "aria-label": `Acts of deck ${deck} to edit` });
  const play = button("Play", () => desk.send(`/deck/${deck}/act`, chosen), { label: "Play this act now" });
  const earlier = button("◀", () => send("move_act", at()), { kind: "step", label: "Move this act earlier" });
  const later = button("▶", () => send("move_act", at() + 2), { kind: "step", label: "Move this act later" });
  const add = button("Add", () => {
    let n = acts.length + 1 || 1;
    const taken = new Set([...acts.map(act => act.name), "start"]);
    while (taken.has(`act-${n}`)) n += 1;
    if (acts.length) send("add_act", `act-${n}`);
    else desk.send(`/deck/${deck}/add_act`, `act-${n}`);
    wanted = `act-${n}`;
  }, { label: "Add an act" });
  const remove = button("Remove", () => send("remove_act"), { kind: "danger", label: "Remove this act" });
  const keys = h("div", { class: "actkeys" }, play, earlier, later, add, remove);
  let wanted = ""; // what is chosen once the desk has it

  // what the act says of its course
  const name = h("input", { type: "text", "aria-label": "Name of the act", maxLength: 40, autocomplete: "off", spellcheck: false, "data-control": "" });
  name.disabled = !desk.usable;
  name.addEventListener("change", () => {
    const slug = slugOf(name.value).slice(0, 40);
    if (!slug || slug === chosen) { name.value = chosen; return; }
    if (!acts.some(act => act.name === slug)) wanted = slug;
    send("act_name", slug);
    name.value = chosen; // until the desk has it
  });
  const style = list("Style of the act", value => send("act_style", value || "none"));
  const bars = list("Bars of the act", value => send("act_bars", Number(value)));
  const beats = list("Beats of the change to the act", value => send("act_beats", Number(value)));
  const calls = CALLS.map(call => {
    const one = button(words(call), () => {
      const now = new Set((acts[at()]?.on ?? "").split(" "));
      now[now.has(call) ? "delete" : "add"](call);
      send("act_on", ORDER.filter(each => now.has(each)).join(" ") || "none");
    }, { label: `Comes with a ${call}` });
    one.call = call;
    return one;
  });
  const told = h("small", { class: "told", role: "status" });
  const facts = h("div", { class: "actfacts" }, field("Name", name), field("Style", style), field("Plays for", bars), field("Change takes", beats),
    h("div", { class: "calls", role: "group", "aria-label": "What calls the act" }, h("span", { text: "Comes with a" }), ...calls));

  // its values
  const to = list("Parameter of the act", () => {});
  const adder = h("div", { class: "adder" }, to, button("Set", () => {
    if (!to.value) return;
    const now = desk.value(`/deck/${deck}/${to.value}`, desk.tree.get(`/deck/${deck}/${to.value}`)?.initial ?? 0);
    send("set_act", to.value, now);
  }, { label: "Set this parameter in the act" }));
  const values = h("ul", { class: "actvalues", tabIndex: 0, "aria-label": "Values of the act" });
  const editor = h("div", { class: "acteditor" }, facts, told, adder, values);
  const node = h("section", { class: "panel actpanel", "aria-label": `Acts of deck ${deck}, edited` }, h("h2", { text: "Acts" }), chips, keys, editor);

  const chip = act => {
    const title = h("span", { class: "actname" }), about = h("small");
    const one = h("button", { type: "button", class: "button actchip", onclick: () => { chosen = act.name; show(); } }, title, about);
    one.show = next => {
      say(title, words(next.name));
      say(about, next.on === "none" ? `${next.bars} bars` : next.on.split(" ").join(", "));
    };
    return one;
  };
  const line = (path, act) => {
    const item = desk.tree.get(`/deck/${deck}/${path}`) ?? { min: 0, max: 1, unit: "" };
    const one = slider({ label: named(path, deck), min: item.min, max: item.max, initial: item.initial, unit: item.unit, scrolls: true, kind: `deck-${deck}`,
      moved: value => desk.sendAs(`/deck/${deck}/set_act ${act} ${path}`, `/deck/${deck}/set_act`, path, value, act) });
    const row = h("li", { class: "param" }, one, button("✕", () => desk.send(`/deck/${deck}/free_act`, path, act),
      { kind: "remove", label: `Take ${named(path, deck)} out of the act` }));
    row.set = one.set;
    return row;
  };

  const light = () => {
    const playing = desk.value(`/state/deck/${deck}/act`, "");
    [...chips.children].forEach((one, i) => one.classList.toggle("playing", acts[i]?.name === playing));
  };
  const show = () => {
    const here = at(), act = acts[here];
    [...chips.children].forEach((one, i) => { one.show(acts[i]); one.setAttribute("aria-pressed", String(i === here)); });
    light();
    for (const one of [play, earlier, later, remove]) one.classList.toggle("idle", !act);
    earlier.classList.toggle("idle", here <= 0);
    later.classList.toggle("idle", here < 0 || here === acts.length - 1);
    add.classList.toggle("idle", acts.length >= MOST);
    facts.classList.toggle("idle", !act);
    adder.classList.toggle("idle", !act);
    const paths = act ? Object.keys(act.values) : [];
    say(told, !act ? "No acts. Add one: what is on the deck becomes the first of two." : !act.ready ? "Its style is not loaded: it plays with the deck's own."
      : paths.length ? "" : "It sets no values: all is as in the scene.");
    const kept = new Map(paths.map(path => [`${act.name} ${path}`, rows.get(`${act.name} ${path}`) ?? line(path, act.name)]));
    rows = kept;
    const nodes = [...kept.values()];
    // Only where the rows are others: putting a node back in its place would drop the finger that is on it.
    if (nodes.length !== values.children.length || nodes.some((one, i) => one !== values.children[i])) values.replaceChildren(...nodes);
    paths.forEach(path => kept.get(`${act.name} ${path}`).set(act.values[path]));
    if (!act) return;
    if (document.activeElement !== name) name.value = act.name;
    if (![...style.options].some(one => one.value === act.style)) style.append(h("option", { value: act.style, text: act.style }));
    if (document.activeElement !== style || style.value !== act.style) style.value = act.style;
    numbers(bars, BARS, act.bars, n => n === 1 ? "1 bar" : `${n} bars`);
    numbers(beats, BEATS, act.beats, n => n === 0 ? "nothing: a cut" : n === 1 ? "1 beat" : `${n} beats`);
    for (const one of calls) one.setAttribute("aria-pressed", String(act.on.split(" ").includes(one.call)));
  };
  const update = document => {
    const before = acts.map(act => act.name).join();
    acts = document?.[deck] ?? [];
    if (wanted && acts.some(act => act.name === wanted)) { chosen = wanted; wanted = ""; }
    if (at() < 0) chosen = acts.some(act => act.name === desk.value(`/state/deck/${deck}/act`, "")) ? desk.value(`/state/deck/${deck}/act`, "") : acts[0]?.name ?? "";
    if (acts.map(act => act.name).join() !== before) chips.replaceChildren(...acts.map(chip));
    show();
  };
  desk.onLibrary(({ styles = [] }) => {
    const kinds = [...new Set(styles.map(one => one.kind))];
    style.replaceChildren(h("option", { value: "", text: "Deck's own" }), ...kinds.map(kind => {
      const group = h("optgroup", { label: GROUPS[kind] ?? kind });
      group.append(...styles.filter(one => one.kind === kind && !one.fault).map(one => h("option", { value: one.slug, text: one.name })));
      return group;
    }));
    show();
  });
  desk.onTree(() => { fill(to, targets(deck)); rows = new Map(); show(); });
  desk.onDocument("acts", update);
  desk.on(`/state/deck/${deck}/act`, light);
  show();
  return node;
}
