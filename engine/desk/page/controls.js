// Controls: slider, button, switch, hold button, choice. Every one works by touch (two at once), mouse and keyboard, is
// disabled while nothing can be sent, and opens its menu by a long press or a right click.

import { desk } from "./connection.js";
import { h, put, say } from "./dom.js";
import { offerMenu } from "./menu.js";

const HOLD_MS = 400; // of a hold button
const OWN_MS = 300; // after a control is let go, the desk's echo of it may still be on its way
const SLACK = 4; // px that a finger may move before a tap becomes a drag
const TAPS_MS = 320; // between the two taps of a double tap

// One watcher for all controls: those that are made later ask `able` when they are made.
desk.hear("status", () => document.querySelectorAll("[data-control]").forEach(able));

function able(node) {
  if (node.matches("[role=slider]")) node.setAttribute("aria-disabled", String(!desk.usable));
  else node.disabled = !desk.usable;
}

function control(node) {
  node.setAttribute("data-control", "");
  able(node);
  return node;
}

/** Return `value` as people read it, with as many digits as its range needs. */
export function figure(value, { min = 0, max = 1, unit = "" } = {}) {
  const digits = max - min > 200 ? 0 : max - min > 20 ? 1 : 2;
  return value.toFixed(digits) + (unit ? ` ${unit}` : "");
}

/**
 * Return a slider; `node.set(value)` shows a value unless a hand is on it.
 * address: what it moves; without it `moved(value)` is called instead. initial: what a double tap goes back to.
 * relative: a finger drags from where the slider is; only a mouse may jump. scrolls: it stands in a long list, so a finger
 * that goes up or down moves the list.
 */
export function slider({ address, label, min = 0, max = 1, initial, unit = "", vertical = false, scrolls = false, jumps = true,
  help = "", text = figure, moved, kind = "" }) {
  const name = h("span", { class: "name", text: label }), shown = h("span", { class: "value" });
  const node = control(h("div", {
    class: `slider ${vertical ? "vertical" : "across"} ${scrolls ? "scrolls" : ""} ${kind}`, role: "slider", tabIndex: 0,
    "aria-label": label, "aria-valuemin": min, "aria-valuemax": max, "aria-orientation": vertical ? "vertical" : "horizontal",
  }, h("span", { class: "fill" }), h("span", { class: "grip" }), name, shown));
  const origin = min < 0 && max > 0 ? -min / (max - min) : 0; // a range around 0 is filled from 0
  let value = NaN, known = NaN, drag = null, until = 0, tapped = 0;

  const show = next => {
    value = next;
    const share = Math.min(1, Math.max(0, (next - min) / (max - min)));
    put(node, "--v", share);
    put(node, "--from", Math.min(origin, share));
    put(node, "--to", Math.max(origin, share));
    const said = text(next, { min, max, unit });
    say(shown, said);
    node.setAttribute("aria-valuenow", String(Math.round(next * 1e4) / 1e4));
    node.setAttribute("aria-valuetext", said);
    node.classList.toggle("away", initial !== undefined && Math.abs(next - initial) > (max - min) * 1e-4);
  };
  const move = next => {
    next = Math.min(max, Math.max(min, next));
    if (next === value || !desk.usable) return;
    show(next);
    until = performance.now() + OWN_MS;
    if (moved) moved(next);
    else desk.send(address, next);
  };
  const held = () => drag !== null || performance.now() < until;
  node.set = next => {
    if (typeof next !== "number" || Number.isNaN(next)) return;
    const foreign = !Number.isNaN(known) && next !== known && !held() && !desk.isOwn(address, next);
    known = next;
    if (held()) { settle(); return; }
    if (foreign && Math.abs(next - value) > (max - min) * 1e-5) elsewhere(node);
    show(next);
  };
  // What came while a hand was on the slider is shown once it is off.
  let timer = 0;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (drag) return; if (held()) settle(); else if (known !== value) show(known); }, OWN_MS);
  };
  node.rename = next => { say(name, next); node.setAttribute("aria-label", next || label); };

  const along = event => {
    const box = node.getBoundingClientRect();
    return vertical ? (box.bottom - event.clientY) / box.height : (event.clientX - box.left) / box.width;
  };
  node.addEventListener("pointerdown", event => {
    if (!desk.usable || drag || event.button) return;
    drag = { id: event.pointerId, x: event.clientX, y: event.clientY, at: along(event), from: value, start: value, live: false };
    node.setPointerCapture(event.pointerId);
    const far = Math.abs(drag.at - (value - min) / (max - min)) * (vertical ? node.clientHeight : node.clientWidth) > 14;
    if (event.pointerType === "mouse" && jumps && far) {
      drag.live = true;
      move(min + drag.at * (max - min));
      drag.from = value;
    }
    node.classList.add("held");
  });
  node.addEventListener("pointermove", event => {
    if (event.pointerId !== drag?.id) return;
    const at = along(event);
    if (!drag.live) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLACK) return;
      drag.live = true;
      drag.at = at; // from here on, so that the slack is no jump
    }
    const fine = event.shiftKey ? 0.1 : 1;
    drag.from += (at - drag.at) * (max - min) * fine;
    drag.at = at;
    move(drag.from);
  });
  const end = event => {
    if (event.pointerId !== drag?.id) return;
    const { live, start } = drag;
    drag = null;
    node.classList.remove("held");
    if (event.type === "pointercancel" && scrolls) { if (live) move(start); return; } // it was the list that was meant
    settle();
    if (live && event.pointerType !== "mouse") return;
    const now = performance.now();
    if (now - tapped < TAPS_MS && initial !== undefined) { move(initial); tapped = 0; } else tapped = now;
  };
  for (const type of ["pointerup", "pointercancel"]) node.addEventListener(type, end);
  node.addEventListener("keydown", event => {
    const span = max - min, step = span * (event.shiftKey ? 0.001 : 0.01);
    const next = { ArrowUp: value + step, ArrowRight: value + step, ArrowDown: value - step, ArrowLeft: value - step,
      PageUp: value + span / 10, PageDown: value - span / 10, Home: min, End: max }[event.key];
    if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(next);
  });
  node.reset = () => { if (initial !== undefined) move(initial); };
  show(initial ?? min);
  if (address) {
    desk.on(address, node.set);
    offerMenu(node, { address, help, reset: initial === undefined ? null : node.reset, resetText: initial === undefined ? "" : text(initial, { min, max, unit }) });
  }
  return node;
}

const marks = new WeakMap();

/** Show for two seconds that somebody else moved this control. */
function elsewhere(node) {
  node.classList.add("elsewhere");
  clearTimeout(marks.get(node));
  marks.set(node, setTimeout(() => node.classList.remove("elsewhere"), 2000));
}

/** Return a button. now: it acts when it is touched, not when it is let go: for what is played in time. */
export function button(text, press, { address, now = false, kind = "", label, help = "" } = {}) {
  const node = control(h("button", { type: "button", class: `button ${kind}`, text, "aria-label": label }));
  if (now) node.addEventListener("pointerdown", event => { if (!event.button && !node.disabled) press(event); });
  // With `now`, only the clicks of keys and of assistive software are left: theirs have no count.
  node.addEventListener("click", event => { if (!now || event.detail === 0) press(event); });
  if (address) offerMenu(node, { address, help });
  return node;
}

/** Return a button that stays on or off, after the state at `address` (or `shows`) and sends 1 or 0 to `address`. */
export function toggle(text, { address, shows = address, kind = "", help = "" }) {
  const node = button(text, () => desk.send(address, node.on ? 0 : 1), { address, kind: `toggle ${kind}`, help });
  node.on = false;
  node.setAttribute("aria-pressed", "false");
  desk.on(shows, value => { node.on = Boolean(value); node.setAttribute("aria-pressed", String(node.on)); });
  return node;
}

/** Return a button that acts after it was held for 0.4 s; a ring fills meanwhile. */
export function holdButton(text, act, { kind = "", hint = "hold" } = {}) {
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  ring.setAttribute("viewBox", "0 0 36 36");
  ring.setAttribute("aria-hidden", "true");
  for (const part of ["ring", "ring full"]) {
    const circle = document.createElementNS(ring.namespaceURI, "circle");
    for (const [key, value] of Object.entries({ class: part, cx: 18, cy: 18, r: 15, pathLength: 1 })) circle.setAttribute(key, value);
    ring.append(circle);
  }
  const node = control(h("button", { type: "button", class: `button hold ${kind}`, "aria-label": `${text} ${hint}` }, ring,
    h("span", { text }), " ", h("small", { text: hint })));
  let timer = 0;
  const start = () => {
    if (timer || node.disabled) return;
    node.classList.add("holding");
    timer = setTimeout(() => {
      stop();
      node.classList.add("done");
      setTimeout(() => node.classList.remove("done"), 600);
      navigator.vibrate?.(30);
      act();
    }, HOLD_MS);
  };
  const stop = () => { clearTimeout(timer); timer = 0; node.classList.remove("holding"); };
  node.addEventListener("pointerdown", event => { if (!event.button) { node.setPointerCapture(event.pointerId); start(); } });
  for (const type of ["pointerup", "pointercancel", "blur"]) node.addEventListener(type, stop);
  node.addEventListener("keydown", event => { if ([" ", "Enter"].includes(event.key)) { event.preventDefault(); if (!event.repeat) start(); } });
  node.addEventListener("keyup", stop);
  node.addEventListener("contextmenu", event => event.preventDefault());
  return node;
}

/**
 * Return one of several: a row of buttons and, where there is little room, a list. choices: [[value, short, long]].
 * `add(name, more)` puts more of them into a list called `name` at the row's end, in the place of those added before.
 */
export function choice(label, choices, pick) {
  let all = choices, shown;
  const row = h("div", { class: "segments", role: "group", "aria-label": label });
  const list = control(h("select", { "aria-label": label, onchange: () => pick(all[list.selectedIndex][0]) }));
  const more = control(h("select", { class: "more", "aria-label": `${label}: more`, onchange: () => more.value && pick(more.value) }));
  for (const [value, short, long = short] of choices) {
    const one = control(h("button", { type: "button", text: short, "aria-label": long, onclick: () => pick(value) }));
    one.dataset.value = value;
    row.append(one);
    list.append(h("option", { value: String(value), text: long }));
  }
  more.hidden = true;
  row.append(more);
  const node = h("div", { class: "choice" }, row, list);
  node.set = value => {
    shown = value;
    list.value = String(value);
    more.value = all.slice(choices.length).some(([one]) => one === value) ? String(value) : "";
    for (const one of row.children) one.setAttribute("aria-pressed", String((one.dataset.value ?? more.value) === String(value)));
  };
  node.add = (name, added) => {
    all = [...choices, ...added];
    for (const each of [...list.children].slice(choices.length)) each.remove();
    list.append(...added.map(([value, short, long = short]) => h("option", { value: String(value), text: long })));
    more.replaceChildren(h("option", { value: "", text: name }), ...added.map(([value, short]) => h("option", { value: String(value), text: short })));
    more.hidden = !added.length;
    node.set(shown);
  };
  return node;
}
