// The view for playing: pictures, crossfade, tempo, output, faders, scenes and the setlist.

import { holdButton, slider, toggle } from "./controls.js";
import { desk } from "./connection.js";
import { clock, h, say } from "./dom.js";
import { mix, pictures } from "./mix.js";
import { seen } from "./pictures.js";
import { sceneGrid, setlist } from "./scenes.js";
import { meter, tempo } from "./tempo.js";

const FADERS = 8;

function output() {
  const time = h("span", { class: "time" });
  const record = toggle("", { address: "/record", shows: "/state/recorder/on", kind: "record" });
  record.append(h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "word", text: "Record" }), " ", time);
  const show = () => {
    const disk = desk.value("/state/recorder/disk"), dropped = desk.value("/state/recorder/dropped", 0);
    const left = disk === undefined ? "" : `${disk < 10 ? disk.toFixed(1) : Math.round(disk)} GB left`;
    const parts = desk.value("/state/recorder/on", 0) ? [clock(desk.value("/state/recorder/seconds", 0)), left] : [left];
    if (dropped) parts.push(`${dropped} dropped`);
    say(time, parts.filter(Boolean).join(" · "));
    record.classList.toggle("short", disk !== undefined && disk < 5);
  };
  for (const name of ["on", "seconds", "disk", "dropped"]) desk.on(`/state/recorder/${name}`, show);
  return h("section", { class: "panel output", "aria-label": "Output" },
    slider({ address: "/master", label: "Master", initial: 1, jumps: false, text: v => `${Math.round(v * 100)} %`, kind: "master" }),
    h("div", { class: "safety" },
      toggle("Blackout", { address: "/blackout", kind: "blackout" }),
      toggle("Freeze", { address: "/freeze", kind: "freeze" }),
      holdButton("Panic", () => desk.send("/panic"), { kind: "panic" })),
    record);
}

function faders() {
  const bank = h("div", { class: "bank" });
  for (let i = 1; i <= FADERS; i += 1) {
    // Both are there, and the style sheet shows the one that there is room for.
    const each = [true, false].map(vertical => slider({ address: `/fader/${i}`, label: `Fader ${i}`, initial: 0, vertical,
      text: v => v.toFixed(2), kind: vertical ? "upright" : "flat" }));
    const cell = h("div", { class: "cell" }, ...each, h("span", { class: "plate" }, h("span", { class: "number", text: String(i) }), h("span", { class: "text" })));
    desk.on(`/state/fader/${i}/label`, label => {
      cell.classList.toggle("unused", !label);
      say(cell.querySelector(".plate .text"), label);
      for (const one of each) one.rename(label ? `${i} ${label}` : `Fader ${i}`);
    });
    cell.classList.add("unused");
    bank.append(cell);
  }
  return h("section", { class: "panel faders", "aria-label": "Faders" }, bank);
}

/** Return the head of the setlist: its name, the switch of the autopilot, and what that does or waits for. */
function autopilot() {
  const told = h("small", { class: "pilotstate", role: "status" });
  const node = toggle("Autopilot", { address: "/autopilot", kind: "pilot", help: "Changes scenes by itself until a hand takes over" });
  desk.on("/state/autopilot", text => { say(told, text === "off" ? "" : text); node.classList.toggle("waits", /^waits/.test(text)); });
  return h("div", { class: "headrow" }, h("h2", { text: "Setlist" }), node, told);
}

/** Return the head of the scenes: their name, and the switch that lets them wait for TAKE. */
function head() {
  const told = h("small", { class: "pilotstate", role: "status" });
  desk.on("/preview", on => say(told, on ? "Scenes wait for Take" : ""));
  return h("div", { class: "headrow" }, h("h2", { text: "Scenes" }),
    toggle("Preview", { address: "/preview", kind: "pilot", help: "Scenes that are called wait on the hidden deck for Take" }), told);
}

/** Return the view. `shown()` says what it needs from the desk while it is seen. */
export function perform() {
  const [next, cues] = setlist();
  const node = h("div", { class: "view perform" },
    pictures(), mix(),
    h("div", { class: "rest" },
      h("div", { class: "side" }, tempo(), h("section", { class: "panel input", "aria-label": "Input" }, meter()), output()),
      faders(),
      h("section", { class: "panel scenes", "aria-label": "Scenes" }, head(), sceneGrid()),
      h("section", { class: "panel setlist", "aria-label": "Setlist" }, autopilot(), next, cues)));
  return { node, needs: () => ({ documents: ["moved", "midi"], pictures: seen(node) }) };
}
