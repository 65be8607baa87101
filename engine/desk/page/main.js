// The page: five views, the line of what happens, and the red bar while the desk is away.

import { desk } from "./connection.js";
import { h, say, words } from "./dom.js";
import { closeMenu } from "./menu.js";
import { perform } from "./perform.js";
import { question } from "./question.js";

// The view for playing is there at once; the others are fetched when they are opened first.
const VIEWS = {
  perform: async () => perform(),
  shape: async () => (await import("./shape.js")).shape(),
  library: async () => (await import("./library.js")).library(),
  control: async () => (await import("./control.js")).control(),
  numbers: async () => (await import("./numbers.js")).numbers(),
};
const NEWS_MS = 10000; // how long a refusal stays

const byId = id => document.getElementById(id);
const views = new Map();
let current = "";

async function show(name) {
  if (!(name in VIEWS)) name = "perform";
  current = name;
  try { sessionStorage.setItem("view", name); } catch { /* private windows may refuse */ }
  for (const tab of byId("tabs").children) tab.setAttribute("aria-current", tab.dataset.view === name ? "page" : "false");
  closeMenu();
  if (!views.has(name)) {
    const view = await VIEWS[name]();
    if (!views.has(name)) { views.set(name, view); view.node.hidden = true; byId("views").append(view.node); }
  }
  for (const [other, view] of views) view.node.hidden = other !== current;
  byId("views").scrollTop = 0;
  wish();
}

/** Ask the desk for what the view that is seen needs, and for nothing else. */
function wish() {
  const view = views.get(current);
  if (view) desk.want("view", view.needs());
}

function watchStatus() {
  desk.onStatus(() => {
    const { status, view } = desk, away = byId("away");
    away.hidden = status === "open" || status === "connecting";
    say(away, status === "refused" ? "The key is wrong. Open the page by the code on the desk's screen again." : "Not connected. Nothing that you press is sent.");
    document.body.classList.toggle("off", status !== "open");
    document.body.classList.toggle("looking", status === "open" && view);
    document.title = desk.name;
    if (status === "open") wish();
    line();
  });
}

let refused = "", timer = 0;

function note(text) {
  refused = text;
  clearTimeout(timer);
  timer = setTimeout(() => { refused = ""; line(); }, NEWS_MS);
  line();
}

/** Show the most important thing that is to be said now. */
function line() {
  const node = byId("status"), pending = desk.value("/state/pending", ""), message = desk.value("/state/message", "");
  const { learning } = desk;
  const name = desk.library?.scenes.find(scene => scene.slug === pending)?.name ?? words(pending);
  const waits = pending && pending === desk.value("/state/scene", "");
  const found = [
    [desk.status === "connecting" && "Connecting", "calm"],
    [learning && `Learning MIDI for ${learning}: move a control, Escape ends it`, "busy"],
    [refused && `Refused: ${refused}`, "bad"],
    [message, "bad"],
    [pending && (waits ? `${name} waits for ${desk.value("/preview", 0) && desk.value("/state/standby", "") ? "Take" : "its beat or a drop"}` : `Loading ${name}`), "busy"],
    [desk.status === "open" && desk.view && "You may look and not touch", "calm"],
  ].find(([text]) => text) ?? ["", "calm"];
  say(node, found[0]);
  node.title = found[0];
  node.dataset.kind = found[1];
}

function watchNews() {
  desk.hear("refused", note);
  let first = true;
  desk.hear("/state/control/error", text => {
    if (text && !first) note(text); // what was refused before this page came is no news
    first = false;
  });
  for (const address of ["/state/message", "/state/pending", "/state/scene", "/state/midi/learning"]) desk.on(address, line);
  desk.onDocument("midi", line);
  desk.onLibrary(line);
}

function watchVitals() {
  const node = byId("vitals");
  const fps = h("span"), slow = h("span");
  node.append(fps, slow);
  desk.on("/state/fps", value => say(fps, `${value.toFixed(0)} fps`));
  desk.on("/state/frame/p99", value => say(slow, `p99 ${value.toFixed(0)} ms`));
}

/** Undo by Ctrl+Z, or by Command+Z of a Mac; in a text that is typed it is the text's own. */
function undo(event) {
  const typed = event.target.closest?.("input, textarea, [contenteditable]");
  if (typed || event.repeat || event.shiftKey || event.altKey || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
  event.preventDefault();
  desk.send("/undo");
}

document.addEventListener("keydown", undo);
document.body.append(question());
for (const tab of byId("tabs").children) tab.addEventListener("click", () => show(tab.dataset.view));
// Which pictures can be seen changes with the size of the window.
let resized = 0;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(wish, 200); });
document.addEventListener("gesturestart", event => event.preventDefault()); // Safari zooms whatever the viewport says
watchStatus();
watchNews();
watchVitals();
let last = "perform";
try { last = sessionStorage.getItem("view") ?? last; } catch { /* as above */ }
show(last);
desk.start();
