// Tempo and input: beats per minute, the beat, taps, and the meter of what is heard.

import { button } from "./controls.js";
import { desk } from "./connection.js";
import { h, put, say } from "./dom.js";

const NUDGE = 1 / 32; // of a beat: about 15 ms at 120 bpm
const CLIP_MS = 2000;
const FLASH_MS = 110;

/** Return the tempo panel. */
export function tempo() {
  const bpm = h("span", { class: "bpm", text: "–" }), source = h("span", { class: "source" });
  const dots = h("div", { class: "dots", "aria-hidden": "true" });
  const sure = h("span", { class: "sure", role: "meter", "aria-label": "How sure the beat is", "aria-valuemin": 0, "aria-valuemax": 100 });
  const panel = h("section", { class: "panel tempo", "aria-label": "Tempo" });
  desk.on("/state/tempo/bpm", value => say(bpm, value > 0 ? value.toFixed(1) : "–"));
  desk.on("/state/tempo/per_bar", count => {
    dots.replaceChildren(...Array.from({ length: Math.min(16, Math.max(1, count)) }, () => h("i")));
  });
  let off = 0;
  desk.on("/state/beat", beat => {
    [...dots.children].forEach((dot, i) => dot.classList.toggle("on", i === beat - 1));
    panel.classList.add("beat");
    clearTimeout(off);
    off = setTimeout(() => panel.classList.remove("beat"), FLASH_MS);
  });
  const lead = () => {
    const share = Math.round(desk.value("/state/tempo/confidence", 0) * 100);
    const who = desk.value("/state/tempo/source", "");
    say(source, who ? `${who} leads, ${share} % sure` : `${share} % sure`);
    put(sure, "--v", share / 100);
    sure.setAttribute("aria-valuenow", String(share));
  };
  desk.on("/state/tempo/source", lead);
  desk.on("/state/tempo/confidence", lead);
  lead(); // a line that came later would move what is below it under a finger
  const send = (address, ...args) => () => desk.send(address, ...args);
  panel.append(
    h("div", { class: "bpmrow" }, bpm, h("span", { class: "unit", text: "bpm" }), dots),
    h("div", { class: "lead" }, source, sure),
    button("Tap", send("/tempo/tap"), { address: "/tempo/tap", now: true, kind: "tap" }),
    h("div", { class: "tempokeys" },
      button("÷2", send("/tempo/multiply", 0.5), { label: "÷2: half the tempo" }),
      button("×2", send("/tempo/multiply", 2), { label: "×2: double the tempo" }),
      button("◂", send("/tempo/nudge", -NUDGE), { now: true, label: "Nudge the beat back" }),
      button("▸", send("/tempo/nudge", NUDGE), { now: true, label: "Nudge the beat ahead" }),
      button("Resync", send("/tempo/resync"), { address: "/tempo/resync", now: true }),
      button("Follow", send("/tempo/follow"), { address: "/tempo/follow" })));
  return panel;
}

/** Return a meter of the input: level, peak, and clipping, which stays lit for two seconds. */
export function meter() {
  const clip = h("span", { class: "clip", text: "Clip" }), state = h("span", { class: "state" });
  const bar = h("div", { class: "level", role: "meter", "aria-label": "Input level", "aria-valuemin": 0, "aria-valuemax": 100 }, h("i"), h("u"));
  const node = h("div", { class: "meterrow" }, h("span", { class: "name", text: "Input" }), bar, clip, state);
  let off = 0, clipped = null;
  const lit = () => {
    clip.classList.add("on");
    clearTimeout(off);
    off = setTimeout(() => clip.classList.remove("on"), CLIP_MS);
  };
  desk.on("/state/audio/level", value => {
    put(bar, "--v", Math.min(1, value));
    bar.setAttribute("aria-valuenow", String(Math.round(value * 100)));
  });
  desk.on("/state/audio/peak", value => {
    // The level's scale: -60 dB is 0, 0 dB is 1.
    put(bar, "--peak", Math.min(1, Math.max(0, 1 + Math.log10(Math.max(value, 1e-3)) / 3)));
    if (value >= 1) lit();
  });
  desk.on("/state/audio/clipped", count => {
    if (clipped !== null && count > clipped) lit();
    clipped = count;
  });
  desk.on("/state/audio/state", text => { say(state, text === "running" ? "" : text); node.classList.toggle("lost", text === "lost"); });
  return node;
}
