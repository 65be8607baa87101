"use strict";
const field = id => document.getElementById(id);
const cards = [...document.querySelectorAll(".card")].map(node => ({
  node, name: node.dataset.name.toLowerCase(), text: node.dataset.text,
  tags: JSON.parse(node.dataset.tags), genres: JSON.parse(node.dataset.genres),
  numbers: Object.fromEntries(["energy", "gain", "stars"].map(key => [key, parseFloat(node.dataset[key])])) }));
const levels = { calm: [0, 0.35], middling: [0.35, 0.65], high: [0.65, 1.01] };

function fits(card) {
  const level = levels[field("energy").value], energy = card.numbers.energy;
  return field("search").value.toLowerCase().split(/\s+/).every(word => card.text.includes(word))
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
