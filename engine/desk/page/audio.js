// The audio input: which one plays, how loud it is, and the way to another one. A choice that cannot be had keeps the sound.

import { button, slider } from "./controls.js";
import { desk } from "./connection.js";
import { fill, h, say, select } from "./dom.js";
import { meter } from "./tempo.js";

const GIVEN_MS = 6000; // by then another input has sound, or was refused
const REFUSED = /^input refused/;

const decibels = peak => peak > 1e-5 ? `${(20 * Math.log10(peak)).toFixed(0).replace("-", "−")} dB` : "silent";

/** Return the panel. */
export function audio() {
  const playing = h("b", { class: "playing" }), state = h("span", { class: "inputstate" });
  const peak = h("span"), clipped = h("span"), notes = h("div"), told = h("p", { class: "told", role: "status" });
  let inputs = [], wish = "", timer = 0;
  const list = select("Audio input", [], name => { if (name) choose(name); });
  list.setAttribute("data-control", "");
  list.disabled = !desk.usable;
  const again = button("Look again", look, { label: "Look for audio inputs again" });

  async function look() {
    again.disabled = true;
    try { inputs = await desk.get("/desk/inputs.json"); } catch { say(told, "The desk did not answer."); }
    again.disabled = !desk.usable;
    show();
  }
  const now = () => desk.value("/state/audio/input", "");
  const refusal = () => (desk.documents.get("numbers")?.messages ?? []).filter(line => REFUSED.test(line)).at(-1) ?? "";
  const choose = name => {
    list.value = "";
    if (!desk.send("/audio/input", name)) return;
    clearTimeout(timer);
    wish = name;
    told.classList.remove("fault");
    say(told, `Waiting for ${name}: ${now() || "silence"} goes on until it has sound.`);
    timer = setTimeout(() => end(`${now() || "Nothing"} still plays.`), GIVEN_MS);
  };
  const end = (text, refused = false) => {
    clearTimeout(timer);
    wish = "";
    told.classList.toggle("fault", refused);
    say(told, text);
  };
  const show = () => {
    say(playing, now() || "Nothing plays");
    // What plays stands first, so that it is what a closed list says; a device may play that no list names.
    fill(list, [["", now() ? `Plays: ${now()}` : "Choose an input"], ...inputs.map(name => [name, name])]);
    list.value = "";
  };
  let last = now();
  desk.on("/state/audio/input", name => {
    if (wish && name && name !== last) end(""); // it has sound
    if (name) last = name;
    show();
  });
  desk.on("/state/audio/state", text => { say(state, text); state.classList.toggle("lost", text === "lost"); });
  desk.on("/state/audio/peak", value => say(peak, decibels(value)));
  desk.on("/state/audio/clipped", count => { say(clipped, count ? `${count} samples clipped` : "nothing clipped"); clipped.classList.toggle("fault", count > 0); });
  desk.onLibrary(found => { inputs = found.inputs; show(); });
  let known = refusal();
  desk.onDocument("numbers", ({ audio: heard }) => {
    notes.replaceChildren(...(heard?.notes ?? []).map(text => h("p", { class: "fault", text })));
    const newest = refusal();
    if (wish && newest !== known) end(newest, true);
    known = newest;
  });
  const gain = slider({ address: "/audio/gain", label: "Gain", min: 0, max: 16, initial: 1, text: v => `× ${v.toFixed(2)}`, scrolls: true });
  show();
  return h("section", { class: "panel audio", "aria-label": "Audio input" }, h("h2", { text: "Audio input" }),
    h("p", { class: "nowplaying" }, playing, " ", state), meter(), h("p", { class: "told levels" }, peak, " · ", clipped), notes,
    h("div", { class: "choosing" }, list, again), told, gain);
}
