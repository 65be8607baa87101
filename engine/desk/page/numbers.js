// The numbers: frame times as a chart, what runs the networks, memory, the recorder, the audio input, messages.

import { desk } from "./connection.js";
import { clock, h, say } from "./dom.js";

const panel = (title, ...children) => h("section", { class: "panel", "aria-label": title }, h("h2", { text: title }), ...children);

/** Return a list of facts: `facts.set({name: text})`. */
function facts(names) {
  const node = h("dl", { class: "facts" }), values = new Map();
  for (const name of names) {
    const value = h("dd", { text: "–" });
    values.set(name, value);
    node.append(h("div", {}, h("dt", { text: name }), value));
  }
  node.set = all => { for (const [name, text] of Object.entries(all)) say(values.get(name), text || "–"); };
  return node;
}

/** Draw the newest frame times: a bar each, those over the target in amber, and the target as a line. */
function draw(canvas, times, target) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !times.length) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  // One long frame must not flatten all others: what is over four times the target is cut off.
  const most = Math.min(Math.max(2 * target, ...times), 4 * target) * 1.05, step = width / times.length;
  times.forEach((time, i) => {
    const tall = time / most * height;
    pen.fillStyle = time > target * 1.05 ? "#e0a15e" : "#6f5fa8";
    pen.fillRect(i * step, height - tall, Math.max(1, step - 0.5), tall);
  });
  const y = height - target / most * height;
  pen.strokeStyle = "#e2dfe9";
  pen.setLineDash([5, 4]);
  pen.beginPath();
  pen.moveTo(0, y);
  pen.lineTo(width, y);
  pen.stroke();
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.fillStyle = "#e2dfe9";
  pen.fillText(`${target.toFixed(1)} ms`, width - 5, y - 6);
}

/** Return the view. */
export function numbers() {
  const canvas = h("canvas", { class: "chart", role: "img" });
  const frames = facts(["Frames a second", "Half take less than (p50)", "99 of 100 less than (p99)", "Missed"]);
  const picture = facts(["Internal size", "Output", "Backend", "Memory"]);
  const refused = h("ul", { class: "plain" }), recorder = facts(["State", "Time", "Frames", "Dropped", "Disk left"]);
  const sound = facts(["Source", "State", "Overflows", "Restarts"]), notes = h("ul", { class: "plain" });
  const messages = h("ol", { class: "plain log", tabIndex: 0, "aria-label": "Newest messages" }), none = h("p", { class: "empty", text: "No messages." });
  const lines = (node, all) => node.replaceChildren(...all.map(text => h("li", { text })));
  // What was not measured yet is null.
  const number = (value, digits, unit = "") => Number.isFinite(value) ? value.toFixed(digits) + unit : "";
  const ms = value => number(value, 1, " ms");
  let newest = null;
  const chart = () => { if (newest) draw(canvas, newest.frame_ms ?? [], newest.target_ms || 1000 / 60); };
  desk.onDocument("numbers", now => {
    newest = now;
    chart();
    canvas.setAttribute("aria-label", `Frame times: p50 ${ms(now.p50)}, p99 ${ms(now.p99)}, target ${ms(now.target_ms)}`);
    frames.set({ "Frames a second": number(now.fps, 1), "Half take less than (p50)": ms(now.p50), "99 of 100 less than (p99)": ms(now.p99), Missed: String(now.missed) });
    picture.set({ "Internal size": now.internal, Output: now.output, Backend: now.backend, Memory: number(now.memory_mb, 0, " MB") });
    lines(refused, (now.refused ?? []).map(one => `${one.name}: ${one.reason}`));
    const r = now.recorder;
    if (r) recorder.set({ State: r.state, Time: clock(r.seconds || 0), Frames: String(r.frames), Dropped: String(r.dropped), "Disk left": number(r.disk_gb, 1, " GB") });
    const a = now.audio;
    if (a) sound.set({ Source: a.source, State: a.state, Overflows: String(a.overflows), Restarts: String(a.restarts) });
    lines(notes, a?.notes ?? []);
    lines(messages, now.messages ?? []);
    none.hidden = (now.messages ?? []).length > 0;
  });
  new ResizeObserver(chart).observe(canvas);
  const node = h("div", { class: "view board numbers" }, panel("Frame times", canvas, frames),
    h("div", { class: "column" }, panel("Picture", picture, refused)), h("div", { class: "column" }, panel("Recorder", recorder)),
    h("div", { class: "column" }, panel("Audio", sound, notes)), panel("Messages", none, messages));
  return { node, needs: () => ({ documents: ["numbers"], pictures: [] }) };
}
