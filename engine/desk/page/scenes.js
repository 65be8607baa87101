// Scenes with their pictures, and the setlist with GO.

import { button } from "./controls.js";
import { desk } from "./connection.js";
import { h, say, words } from "./dom.js";

/** Return what a scene does now: "on", "loading", "waits" or "". A scene on its deck is `scene` while it waits. */
export function sceneState(slug) {
  const pending = desk.value("/state/pending", ""), scene = desk.value("/state/scene", "");
  if (slug === pending) return slug === scene ? "waits" : "loading";
  return slug === scene ? "on" : "";
}

const SAID = { on: "On stage", loading: "Loading", waits: "Waits", "": "" };

// Stills of pictures and clips are made when they are asked for first: so long after, in ms, they are asked for again.
const AGAIN = [800, 2000, 5000, 12000];

/** Return a still, or the name's first letter where there is none. again: how often it was asked for in vain. */
export function still(url, name, again = 0) {
  if (!url) return h("span", { class: "nostill", text: name.charAt(0), "aria-hidden": "true" });
  const image = h("img", { src: desk.url(again ? `${url}?again=${again}` : url), alt: "", loading: "lazy", decoding: "async", draggable: false });
  image.addEventListener("error", () => {
    const letter = still(null, name);
    image.replaceWith(letter);
    if (url.startsWith("/desk/media/") && again < AGAIN.length) setTimeout(() => letter.replaceWith(still(url, name, again + 1)), AGAIN[again]);
  });
  return image;
}

/** Return the grid of scenes; a press calls one. */
export function sceneGrid() {
  const grid = h("div", { class: "scenegrid" });
  let tiles = [];
  const update = () => {
    for (const { slug, node, badge } of tiles) {
      const state = sceneState(slug);
      node.dataset.state = state;
      node.setAttribute("aria-pressed", String(state === "on"));
      say(badge, SAID[state]);
    }
  };
  desk.onLibrary(({ scenes }) => {
    tiles = scenes.map((scene, i) => {
      const badge = h("span", { class: "badge" });
      const node = button("", () => desk.send("/scene", scene.slug), { kind: "scene", address: `/scene ${scene.slug}`, help: scene.description });
      node.append(still(scene.still, scene.name), h("span", { class: "title" },
        h("span", { class: "number", text: String(i + 1) }), " ", h("span", { class: "text", text: scene.name })), " ", badge);
      if (scene.fault) { node.classList.add("fault"); node.title = scene.fault; }
      return { slug: scene.slug, node, badge };
    });
    grid.replaceChildren(...tiles.map(tile => tile.node));
    if (!tiles.length) grid.append(h("p", { class: "empty", text: "No scenes yet. Save one in Shape." }));
    update();
  });
  desk.on("/state/scene", update);
  desk.on("/state/pending", update);
  return grid;
}

/** Return the setlist: GO with the next cue and its note, then all cues. */
export function setlist() {
  const title = h("b"), note = h("span", { class: "note" }), cover = h("div", { class: "cover" });
  const go = button("Go", () => desk.send("/cue/go"), { address: "/cue/go", kind: "go" });
  const list = h("ol", { class: "cues", tabIndex: 0, "aria-label": "Cues" });
  let cues = [];
  const update = () => {
    const played = desk.value("/state/cue", 0), next = cues[played];
    say(title, next ? nameOf(next.scene) : cues.length ? "End of the setlist" : "No setlist");
    say(note, next?.note || (next ? `cue ${played + 1} of ${cues.length}` : ""));
    cover.replaceChildren(next ? still(sceneOf(next.scene)?.still, nameOf(next.scene)) : "");
    [...list.children].forEach((item, i) => {
      item.dataset.state = i < played - 1 ? "past" : i === played - 1 ? "on" : i === played ? "next" : "";
    });
    const here = list.children[Math.min(played, cues.length - 1)];
    if (here && list.offsetParent) list.scrollTop = here.offsetTop - list.offsetTop - 56;
  };
  desk.onLibrary(library => {
    cues = library.setlist?.cues ?? [];
    list.replaceChildren(...cues.map((cue, i) => h("li", {}, h("span", { class: "number", text: String(i + 1) }),
      h("span", { class: "text" }, h("b", { text: nameOf(cue.scene) }), cue.note ? h("span", { class: "note", text: cue.note }) : null))));
    update();
  });
  desk.on("/state/cue", update);
  return [h("div", { class: "nextcue" }, cover, h("div", { class: "about" }, h("small", { text: "Next cue" }), title, note), go), list];
}

const sceneOf = slug => desk.library?.scenes.find(scene => scene.slug === slug);
const nameOf = slug => sceneOf(slug)?.name ?? words(slug);
