// The library: styles as cards with their still and, when asked for, the moving preview; scenes likewise.

import { button } from "./controls.js";
import { desk } from "./connection.js";
import { fill, h, put, say, select, words } from "./dom.js";
import { hidden, onHidden } from "./mix.js";
import { sceneState, still } from "./scenes.js";
import { suggestions } from "./suggestions.js";

const COLOURS = { red: [345, 15], orange: [15, 45], yellow: [45, 70], green: [70, 165], cyan: [165, 200], blue: [200, 255], violet: [255, 290], pink: [290, 345] };
const KINDS = { cppn: "CPPN", gan: "GAN", vqvae: "VQ-VAE", image: "Picture", clip: "Clip", camera: "Camera", isf: "Shader" };
const LONG_MS = 600;

/** Return the names of the colours that a palette has, of those that are more than nearly grey. */
export function coloursOf(palette) {
  const found = new Set();
  for (const hex of palette) {
    const [r, g, b] = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16) / 255);
    const most = Math.max(r, g, b), span = most - Math.min(r, g, b);
    if (!(most > 0.2) || span / most < 0.25) continue;
    const hue = ((most === r ? (g - b) / span : most === g ? 2 + (b - r) / span : 4 + (r - g) / span) * 60 + 360) % 360;
    for (const [name, [from, to]] of Object.entries(COLOURS)) if (from > to ? hue >= from || hue < to : hue >= from && hue < to) found.add(name);
  }
  return found;
}

/** Return a still that plays its preview under the mouse, or after a tap. The film is fetched when it is asked for. */
function stage(entry) {
  const node = h("button", { type: "button", class: "preview", "aria-label": `Preview of ${entry.name}`, "aria-pressed": "false" }, still(entry.still, entry.name));
  if (!entry.video) { node.disabled = true; return node; }
  let video = null;
  const play = on => {
    if (on && !video) {
      video = h("video", { muted: true, loop: true, playsInline: true, preload: "auto", src: desk.url(entry.video) });
      video.setAttribute("aria-hidden", "true");
      node.append(video);
      video.play().catch(() => {}); // no film, or taken away before it began: the still stays
    } else if (!on && video) {
      video.remove();
      video.removeAttribute("src");
      video.load(); // ends the download
      video = null;
    }
    node.setAttribute("aria-pressed", String(on));
  };
  node.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") play(true); });
  node.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") play(false); });
  node.addEventListener("click", event => { if (event.pointerType !== "mouse") play(!video); });
  return node;
}

function loader(style) {
  const load = deck => desk.send(`/deck/${deck}/style`, style.slug);
  const main = button("", () => load(hidden()), { kind: "load" }), other = button("", () => load(hidden() === "a" ? "b" : "a"), { kind: "other" });
  // A long press means the deck that is seen: the same as the small button.
  let timer = 0, long = false;
  main.addEventListener("pointerdown", () => {
    long = false;
    timer = setTimeout(() => { long = true; navigator.vibrate?.(30); load(hidden() === "a" ? "b" : "a"); }, LONG_MS);
  });
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) main.addEventListener(type, () => clearTimeout(timer));
  main.addEventListener("click", event => { if (long) { long = false; event.stopImmediatePropagation(); } }, true);
  main.addEventListener("contextmenu", event => event.preventDefault());
  const node = h("div", { class: "loader" }, main, other);
  node.aim = deck => {
    const seen = deck === "a" ? "b" : "a";
    say(main, `Load to ${deck.toUpperCase()}`);
    main.className = `button load deck-${deck}`;
    say(other, seen.toUpperCase());
    other.className = `button other deck-${seen}`;
    other.setAttribute("aria-label", `${seen.toUpperCase()}: load ${style.name} to the deck that is seen`);
    main.setAttribute("aria-label", `Load to ${deck.toUpperCase()}: ${style.name}`);
  };
  node.aim(hidden());
  return node;
}

const stars = count => h("span", { class: "stars", role: "img", "aria-label": `${count} of 5 stars` }, h("b", { text: "★".repeat(count) }), "★".repeat(5 - count));

function stripe(colour) {
  const node = h("i");
  put(node, "background", colour);
  return node;
}

function styleCard(style) {
  const load = style.fault ? null : loader(style), on = h("span", { class: "where" });
  const node = h("article", { class: "card" }, h("div", { class: "shot" }, stage(style), on),
    h("div", { class: "palette", "aria-hidden": "true" }, ...style.palette.filter(colour => /^#[0-9a-f]{6}$/i.test(colour)).map(stripe)),
    h("div", { class: "cardbody" },
      h("div", { class: "cardtitle" }, h("h2", { text: style.name }), stars(Math.round(style.stars))),
      h("p", { class: style.fault ? "said fault" : "said", text: style.fault || style.prompt || style.description }),
      h("p", { class: "tags", text: [KINDS[style.kind] ?? style.kind, ...style.tags.slice(0, 4)].join(" · ") }),
      style.energy === null ? null : h("div", { class: "energy" }, h("span", { text: "Energy" }), meterOf(style.energy)),
      load));
  const update = () => {
    const decks = ["a", "b"].filter(deck => desk.value(`/state/deck/${deck}/style`) === style.slug);
    say(on, decks.length ? `On ${decks.map(deck => deck.toUpperCase()).join(" and ")}` : "");
    load?.aim(hidden());
  };
  return { node, update, text: [style.name, style.slug, style.prompt, style.description, ...style.tags, ...style.genres].join(" ").toLowerCase(),
    tags: new Set([...style.tags, ...style.genres]), kind: style.kind, stars: style.stars, colours: coloursOf(style.palette), name: style.name, energy: style.energy ?? -1 };
}

function meterOf(value) {
  const bar = h("span", { class: "bar", role: "img", "aria-label": `${Math.round(value * 100)} %` });
  put(bar, "--v", value);
  return bar;
}

function sceneCard(scene) {
  const state = h("span", { class: "where" }), styles = desk.library.styles;
  const of = slug => styles.find(style => style.slug === slug);
  const call = scene.fault ? null : button("Call", () => desk.send("/scene", scene.slug), { kind: "load", label: `Call ${scene.name}` });
  const names = [of(scene.style)?.name ?? scene.style, scene.second && (of(scene.second)?.name ?? scene.second)].filter(Boolean).join(" and ");
  const faders = Object.entries(scene.faders ?? {}).map(([number, label]) => `${number} ${label}`).join(" · ");
  const node = h("article", { class: "card" }, h("div", { class: "shot" }, stage({ ...scene, video: of(scene.style)?.video }), state),
    h("div", { class: "cardbody" }, h("div", { class: "cardtitle" }, h("h2", { text: scene.name })),
      h("p", { class: scene.fault ? "said fault" : "said", text: scene.fault || scene.description }),
      h("p", { class: "tags", text: [names, ...scene.tags].join(" · ") }), faders ? h("p", { class: "tags", text: `Faders: ${faders}` }) : null,
      call ? h("div", { class: "loader" }, call) : null));
  const update = () => say(state, { on: "On stage", loading: "Loading", waits: "Waits" }[sceneState(scene.slug)] ?? "");
  return { node, update, text: [scene.name, scene.slug, scene.description, names, ...scene.tags].join(" ").toLowerCase(), tags: new Set(scene.tags),
    kind: of(scene.style)?.kind ?? "", stars: of(scene.style)?.stars ?? 0, colours: coloursOf(of(scene.style)?.palette ?? []), name: scene.name, energy: of(scene.style)?.energy ?? -1 };
}

/** Return the view. */
export function library() {
  let cards = { styles: [], scenes: [] }, what = "styles";
  const suited = suggestions(loader);
  const grid = h("div", { class: "cards" }), count = h("span", { class: "count", role: "status" });
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search", oninput: () => show() });
  const tag = select("Tag", [["", "All tags"]], () => show());
  const kind = select("Kind", [["", "All kinds"], ...Object.entries(KINDS)], () => show());
  const least = select("Stars", [["0", "Any stars"], ["3", "3 and more"], ["4", "4 and more"], ["5", "5 stars"]], () => show());
  const colour = select("Colour", [["", "All colours"], ...Object.keys(COLOURS).map(name => [name, words(name)])], () => show());
  const sort = select("Sort by", [["name", "By name"], ["energy", "By energy"], ["stars", "By stars"]], () => show());
  const kinds = h("div", { class: "segments", role: "group", "aria-label": "What to show" }, ...["styles", "scenes"].map(one =>
    h("button", { type: "button", text: words(one), "data-what": one, onclick: () => { what = one; tags(); show(); } })));
  const tags = () => fill(tag, [["", "All tags"], ...[...new Set(cards[what].flatMap(card => [...card.tags]))].sort().map(one => [one, one])]);
  const show = () => {
    for (const one of kinds.children) one.setAttribute("aria-pressed", String(one.dataset.what === what));
    const wanted = search.value.toLowerCase().split(/\s+/);
    const found = cards[what].filter(card => wanted.every(word => card.text.includes(word)) && (!tag.value || card.tags.has(tag.value))
      && (!kind.value || card.kind === kind.value) && card.stars >= Number(least.value) && (!colour.value || card.colours.has(colour.value)));
    found.sort((a, b) => (sort.value === "name" ? 0 : b[sort.value] - a[sort.value]) || a.name.localeCompare(b.name));
    suited.hidden = what !== "styles";
    grid.replaceChildren(...found.map(card => card.node));
    if (!found.length) grid.append(h("p", { class: "empty", text: "Nothing fits. Try fewer words or another tag." }));
    say(count, found.length === cards[what].length ? `${found.length} ${what}` : `${found.length} of ${cards[what].length}`);
  };
  const update = () => { for (const card of [...cards.styles, ...cards.scenes, suited]) card.update(); };
  desk.onLibrary(found => {
    cards = { styles: found.styles.map(styleCard), scenes: found.scenes.map(sceneCard) };
    tags();
    show();
    update();
  });
  onHidden(update);
  for (const address of ["/state/deck/a/style", "/state/deck/b/style", "/state/scene", "/state/pending"]) desk.on(address, update);
  const node = h("div", { class: "view librarian" }, h("div", { class: "filters" }, kinds, search, tag, kind, least, colour, sort, count), suited, grid);
  return { node, needs: () => ({ documents: ["suggestions"], pictures: [] }) };
}
