// The pictures, the crossfader and TAKE. The deck that is not seen is the one that TAKE brings in.

import { button, choice, slider } from "./controls.js";
import { desk } from "./connection.js";
import { h, put, say, words } from "./dom.js";
import { picture } from "./pictures.js";

const LENGTHS = [1, 2, 4, 8, 16, 32];
const KINDS = ["cut", "dissolve", "through-black", "wipe", "interlock"];

/** Return the deck that is not seen, or less of it. */
export function hidden() {
  return desk.value("/crossfade", 0) < 0.5 ? "b" : "a";
}

/** Call `listen(deck)` when another deck is the hidden one; and now. */
export function onHidden(listen) {
  let last = hidden();
  listen(last);
  desk.on("/crossfade", () => {
    const now = hidden();
    if (now !== last) listen(last = now);
  });
}

/** Return the name of a style for people. */
export function styleName(slug) {
  if (!slug || slug === "idle") return "Idle";
  return desk.library?.styles.find(style => style.slug === slug)?.name ?? words(slug);
}

/** Return the name of a scene for people. */
export function sceneName(slug) {
  return desk.library?.scenes.find(scene => scene.slug === slug)?.name ?? words(slug);
}

function deckTile(deck) {
  const name = h("span", { class: "style" }), badge = h("span", { class: "badge" });
  const tile = h("section", { class: `tile deck-${deck}`, "aria-label": `Deck ${deck}` },
    h("div", { class: "stage" }, picture(deck, `Picture of deck ${deck}`)),
    h("div", { class: "caption" }, h("b", { class: "letter", text: deck.toUpperCase() }), name, badge),
    acts(deck),
    slider({ address: `/deck/${deck}/level`, label: "Level", initial: 1, kind: `deck-${deck} slim` }));
  tile.querySelector(".stage").dataset.picture = deck;
  tile.querySelector(".slider").setAttribute("aria-label", `Level of deck ${deck}`);
  const show = () => say(name, styleName(desk.value(`/state/deck/${deck}/style`, "")));
  const said = () => {
    const at = desk.value("/crossfade", 0), share = deck === "a" ? 1 - at : at, waits = share < 0.005 && Boolean(desk.value("/state/standby", ""));
    tile.classList.toggle("waits", waits);
    say(badge, waits ? "waits for take" : share < 0.005 ? "hidden" : share > 0.995 ? "seen" : `${Math.round(share * 100)} %`);
  };
  desk.on(`/state/deck/${deck}/style`, show);
  desk.onLibrary(show);
  desk.on("/crossfade", at => {
    const share = deck === "a" ? 1 - at : at;
    put(tile, "--share", share);
    tile.classList.toggle("seen", share > 0.005);
    said();
  });
  desk.on("/state/standby", said);
  return tile;
}

function wallTile() {
  const marks = h("div", { class: "marks" });
  const add = (text, address, kind) => {
    const mark = h("span", { class: `mark ${kind}`, text, hidden: true });
    desk.on(address, value => { mark.hidden = !Number(value); });
    marks.append(mark);
  };
  add("Blackout", "/blackout", "warn");
  add("Frozen", "/freeze", "warn");
  add("Recording", "/state/recorder/on", "rec");
  const guard = h("span", { class: "mark", hidden: true });
  desk.on("/state/guard", text => { guard.hidden = text === "on"; say(guard, text === "off" ? "Flash guard off" : "Flashes held back"); });
  marks.append(guard);
  const stage = h("div", { class: "stage" }, picture("wall", "Picture on the wall"), marks);
  stage.dataset.picture = "wall";
  const scene = h("span", { class: "style" }), fade = h("span", { class: "badge" });
  const show = () => {
    const slug = desk.value(`/state/deck/${desk.value("/crossfade", 0) > 0.5 ? "b" : "a"}/scene`, "");
    say(scene, slug ? sceneName(slug) : "No scene");
  };
  for (const address of ["/state/deck/a/scene", "/state/deck/b/scene", "/crossfade"]) desk.on(address, show);
  desk.onLibrary(show);
  desk.on("/state/fade", text => say(fade, text));
  return h("section", { class: "tile wall", "aria-label": "Wall" }, stage,
    h("div", { class: "caption" }, h("b", { class: "letter", text: "Wall" }), scene, fade));
}

/** Return the acts of the scene on a deck: the one that plays is lit, and each can be called. Nothing where it has none. */
function acts(deck) {
  const node = h("div", { class: `acts deck-${deck}`, role: "group", "aria-label": `Acts of deck ${deck}` });
  const names = () => String(desk.value(`/state/deck/${deck}/acts`, "")).split(" ").filter(Boolean);
  const light = () => {
    for (const one of node.children) one.setAttribute("aria-pressed", String(one.dataset.act === desk.value(`/state/deck/${deck}/act`, "")));
  };
  desk.on(`/state/deck/${deck}/acts`, () => {
    node.replaceChildren(...names().map(name => {
      const one = button(words(name), () => desk.send(`/deck/${deck}/act`, name), { kind: "act", label: `Act ${words(name)}` });
      one.dataset.act = name;
      return one;
    }));
    light();
  });
  desk.on(`/state/deck/${deck}/act`, light);
  return node;
}

/** Return the three pictures. */
export function pictures() {
  return h("div", { class: "pictures" }, deckTile("a"), wallTile(), deckTile("b"));
}

/** Return the crossfader with kind, length, cut and TAKE. */
export function mix() {
  let beats = Number(sessionStorage.getItem("beats")) || 8;
  const fader = slider({ address: "/crossfade", label: "Crossfader", kind: "crossfader",
    text: at => at < 0.005 ? "A" : at > 0.995 ? "B" : `A ${Math.round(100 - at * 100)} · B ${Math.round(at * 100)}` });
  for (const deck of ["a", "b"]) fader.prepend(h("span", { class: `end deck-${deck}`, text: deck.toUpperCase(), "aria-hidden": "true" }));
  const kind = choice("Kind of crossfade", KINDS.map(one => [one, one === "through-black" ? "Black" : words(one), words(one)]), one => desk.send("/crossfade/kind", one));
  kind.classList.add("kinds");
  desk.on("/crossfade/kind", kind.set);
  desk.onLibrary(({ transitions = [] }) => {
    const shaders = transitions.filter(one => !KINDS.includes(one));
    kind.add("Shader", shaders.map(one => [one, words(one.replace("shader-", "")), words(one)]));
  });
  const length = choice("Length in beats", LENGTHS.map(n => [n, String(n), n === 1 ? "1 beat" : `${n} beats`]), n => set(n));
  length.classList.add("lengths");
  const target = h("b"), over = h("small");
  // A scene that waits comes in by its own way; otherwise this is a crossfade of the length chosen here.
  const waits = () => desk.value("/state/standby", "");
  // So does one that still loads, or that was taken and waits for its bar: a crossfade now would show what was on that deck before.
  const comes = () => waits() || desk.value("/preview", 0) && (desk.value("/state/pending", "") || /waiting/.test(desk.value("/state/fade", "")));
  const take = button("", () => comes() ? desk.send("/take") : desk.send("/crossfade/to", hidden(), beats), { kind: "take", address: "/take",
    help: "Brings in the scene that waits. Where none does: crossfades to the deck that is not seen, from the next beat." });
  take.append(h("span", { text: "Take" }), " ", target, " ", over);
  const cut = button("Cut", () => desk.send("/crossfade/to", hidden(), 0), { kind: "cut", label: "Cut to the hidden deck" });
  const set = n => {
    beats = n;
    sessionStorage.setItem("beats", String(n));
    length.set(n);
    told();
  };
  const told = () => {
    const slug = waits();
    take.classList.toggle("ready", Boolean(slug));
    say(over, slug ? sceneName(slug) : beats === 1 ? "1 beat" : `${beats} beats`);
  };
  desk.on("/state/standby", told);
  desk.onLibrary(told);
  set(beats);
  onHidden(deck => {
    say(target, deck.toUpperCase());
    take.classList.toggle("deck-a", deck === "a");
    take.classList.toggle("deck-b", deck === "b");
  });
  return h("section", { class: "mix", "aria-label": "Crossfade" }, fader, h("div", { class: "mixrow" }, kind, length, cut, take));
}
