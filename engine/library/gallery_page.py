"""The look and the behaviour of the gallery: its style sheet and its script, whole. Used by `gallery` alone; holds no data.

The script reads what it needs from `data-` attributes, so nothing that a style says ever becomes code.
"""

from __future__ import annotations

STYLE_SHEET = """
:root { color-scheme: dark; --ground: #08080b; --raised: #111116; --line: #212129; --text: #d6d3de; --dim: #8b8797;
  --faint: #5b5866; --accent: #a78bfa; --star: #e8b45a; --warn: #d9905a; }
* { box-sizing: border-box; }
html { scroll-padding-top: 6rem; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
[hidden] { display: none !important; }
h2, p, li, code { unicode-bidi: isolate; overflow-wrap: anywhere; }
header { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .7rem 1.6rem; align-items: center;
  padding: .9rem clamp(1rem, 3vw, 2.5rem); border-bottom: 1px solid var(--line); background: #08080be8;
  backdrop-filter: blur(14px); }
h1 { margin: 0; font-size: 1.05rem; font-weight: 500; letter-spacing: .16em; text-transform: uppercase;
  background: linear-gradient(90deg, #7dd3fc, #a78bfa 45%, #f472b6); background-clip: text; color: transparent; }
form { display: flex; flex: 1 1 30rem; flex-wrap: wrap; gap: .5rem; justify-content: flex-end; }
input, select { height: 2.25rem; padding: 0 .8rem; border: 1px solid var(--line); border-radius: 9px;
  background: var(--raised); color: var(--text); font: inherit; font-size: .9rem; }
input { flex: 1 1 11rem; max-width: 22rem; }
select { max-width: 10rem; }
input::placeholder { color: var(--faint); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#count { min-width: 4.5rem; color: var(--dim); font-size: .85rem; font-variant-numeric: tabular-nums; }
main { padding: 1.6rem clamp(1rem, 3vw, 2.5rem) 4rem; }
#cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.5rem;
  align-items: start; }
.card { --accent: #a78bfa; display: flex; flex-direction: column; overflow: hidden; border: 1px solid var(--line);
  border-radius: 14px; background: var(--raised); transition: border-color .25s, box-shadow .25s; }
.card:hover, .card:focus-within { border-color: color-mix(in oklab, var(--accent) 55%, var(--line));
  box-shadow: 0 0 42px -12px color-mix(in oklab, var(--accent) 70%, transparent); }
.stage { position: relative; display: block; width: 100%; aspect-ratio: 16 / 9; padding: 0; border: 0; cursor: pointer;
  background: #000; color: var(--faint); font: inherit; }
.stage:focus-visible { outline-offset: -3px; }
.stage > * { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
.stage video { opacity: 0; transition: opacity .25s; }
.stage.playing video { opacity: 1; }
.stage .none { display: grid; place-items: center; font-size: .85rem; }
.stage::after { content: ""; position: absolute; right: .7rem; bottom: .7rem; width: .5rem; height: .5rem;
  border-radius: 50%; background: var(--accent); opacity: 0; transition: opacity .25s; }
.stage[aria-pressed=true]::after { opacity: 1; }
.palette { display: flex; height: .5rem; }
.palette i { flex: 1; }
.body { display: flex; flex: 1; flex-direction: column; gap: .7rem; padding: .9rem 1.05rem 1rem; }
.title { display: flex; gap: .8rem; align-items: baseline; justify-content: space-between; }
h2 { margin: 0; font-size: 1.08rem; font-weight: 600; letter-spacing: .01em; }
.stars { color: var(--star); white-space: nowrap; letter-spacing: .08em; font-size: .85rem; }
.stars i { color: #33313b; font-style: normal; }
.card p { margin: 0; color: var(--dim); font-size: .89rem; line-height: 1.45; }
p.prompt, p.said { display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 4; }
p.prompt { color: var(--text); font-style: italic; }
p.note { padding-left: .7rem; border-left: 2px solid var(--star); }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: center; justify-content: space-between;
  color: var(--dim); font-size: .8rem; white-space: nowrap; }
.energy { display: flex; flex: 1; gap: .6rem; align-items: center; max-width: 14rem; }
.meter { position: relative; flex: 1; height: 4px; border-radius: 2px; background: #25252e; overflow: hidden; }
.meter i { position: absolute; inset: 0; background: linear-gradient(90deg, #38bdf8, #a78bfa 50%, #fb5f8c);
  clip-path: inset(0 calc(100% - var(--v)) 0 0); }
.scores { display: grid; gap: .5rem; margin: 0; padding: .7rem .85rem; border-radius: 9px; background: #0b0b0f;
  font-size: .8rem; }
.scores div { display: grid; grid-template-columns: 4.4rem 1fr auto; gap: .1rem .7rem; align-items: center; }
.scores dt { color: var(--dim); }
.scores dd { margin: 0; font-variant-numeric: tabular-nums; }
.scores dd.beside { grid-column: 1 / -1; color: #757182; font-size: .74rem; }
.bar { position: relative; height: 5px; border-radius: 3px; background: #1d1d25; }
.bar b { position: absolute; inset: 0 auto 0 0; border-radius: 3px; background: var(--accent); }
.bar.worse b { background: var(--warn); }
.bar u { position: absolute; top: 0; bottom: 0; background: #ffffff45; }
.bar s { position: absolute; top: -4px; bottom: -4px; width: 2px; border-radius: 1px; background: #b9b5c6; }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; margin: 0; padding: 0; list-style: none; }
.chips button { padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 99px; background: none;
  color: var(--dim); font: inherit; font-size: .77rem; cursor: pointer; }
.chips button:hover, .chips button[aria-pressed=true] { border-color: var(--accent); color: var(--text); }
.chips .genre { border-color: color-mix(in oklab, var(--accent) 45%, transparent); color: var(--text); }
code { color: var(--faint); font: .78rem ui-monospace, "DejaVu Sans Mono", monospace; user-select: all; }
#nothing { padding: 5rem 0; text-align: center; color: var(--dim); }
.broken { margin-top: 3rem; padding-top: 1.4rem; border-top: 1px solid var(--line); }
.broken h2 { font-size: .95rem; color: var(--warn); }
.broken ul { margin: .7rem 0 0; padding: 0; list-style: none; font-size: .88rem; color: var(--dim); }
.broken li { margin: .35rem 0; }
.broken code { margin-right: .8rem; color: var(--text); font-size: .85rem; }
@media (max-width: 40rem) { header { position: static; } input { max-width: none; flex-basis: 100%; }
  select { flex: 1 1 40%; max-width: none; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
"""

SCRIPT = """
"use strict";
const field = id => document.getElementById(id);
const cards = [...document.querySelectorAll(".card")].map(node => ({
  node, name: node.dataset.name.toLowerCase(), text: node.dataset.text,
  tags: JSON.parse(node.dataset.tags), genres: JSON.parse(node.dataset.genres),
  numbers: Object.fromEntries(["energy", "gain", "stars"].map(key => [key, parseFloat(node.dataset[key])])) }));
const levels = { calm: [0, 0.35], middling: [0.35, 0.65], high: [0.65, 1.01] };

function fits(card) {
  const level = levels[field("energy").value], energy = card.numbers.energy;
  return field("search").value.toLowerCase().split(/\\s+/).every(word => card.text.includes(word))
    && (!field("tag").value || card.tags.includes(field("tag").value))
    && (!field("genre").value || card.genres.includes(field("genre").value))
    && (!level || (energy >= level[0] && energy < level[1]));
}

function compare(a, b) {
  const key = field("sort").value, x = a.numbers[key], y = b.numbers[key];
  if (key !== "name" && x !== y && !(isNaN(x) && isNaN(y))) return isNaN(x) ? 1 : isNaN(y) ? -1 : y - x;
  return a.name.localeCompare(b.name);
}

function update() {
  let shown = 0;
  for (const card of cards) shown += !(card.node.hidden = !fits(card));
  field("cards").append(...cards.sort(compare).map(card => card.node));
  field("count").textContent = shown === cards.length ? `${shown} styles` : `${shown} of ${cards.length}`;
  field("nothing").hidden = shown > 0;
  for (const chip of document.querySelectorAll(".chips button"))
    chip.setAttribute("aria-pressed", field(chip.dataset.field).value === chip.dataset.value);
}

for (const id of ["search", "tag", "genre", "energy", "sort"]) field(id).addEventListener("input", update);
document.forms[0].addEventListener("submit", event => event.preventDefault());
for (const chip of document.querySelectorAll(".chips button")) chip.addEventListener("click", () => {
  const select = field(chip.dataset.field);
  select.value = select.value === chip.dataset.value ? "" : chip.dataset.value;
  update();
});

// The mouse plays by resting on a card, the keyboard by reaching its picture; a tap, a click or Enter keeps it playing.
for (const { node } of cards) {
  const stage = node.querySelector(".stage"), video = stage.querySelector("video");
  if (!video) continue;
  const kept = () => stage.getAttribute("aria-pressed") === "true";
  const play = () => video.play().then(() => stage.classList.add("playing")).catch(() => stage.classList.remove("playing"));
  const stop = () => { if (!kept()) { video.pause(); video.currentTime = 0; stage.classList.remove("playing"); } };
  node.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") play(); });
  node.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") stop(); });
  stage.addEventListener("focus", () => { if (stage.matches(":focus-visible")) play(); });
  stage.addEventListener("blur", stop);
  stage.addEventListener("click", () => {
    stage.setAttribute("aria-pressed", !kept());
    if (kept()) play(); else if (!node.matches(":hover")) stop();
  });
}
update();
"""
