// What comes in, message by message: address, arguments, from whom, how long ago, and why it was refused. The desk keeps the
// newest 64; this list keeps more, so that a filter finds what a storm of others has pushed out.

import { desk } from "./connection.js";
import { h, say } from "./dom.js";

const KEPT = 300, SHOWN = 64; // messages that are kept here; rows

const two = number => String(Math.round(number * 1e4) / 1e4);
const argument = value => typeof value === "number" ? two(value) : typeof value === "string" ? `"${value}"` : String(value);

/** Return how long ago something was, in words: "now", "3 s", "2 min". */
function ago(seconds) {
  if (seconds < 1) return "now";
  return seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

function row() {
  const cells = Array.from({ length: 4 }, () => h("td"));
  const node = h("tr", {}, ...cells), [age, address, args, from] = cells;
  const code = h("code"), why = h("span", { class: "fault" });
  address.append(code, why);
  return {
    node,
    show: (one, now) => {
      say(age, ago(now - one.t));
      say(code, one.address || "(no address)");
      say(why, one.why);
      say(args, one.args.map(argument).join(" "));
      say(from, one.from);
      node.classList.toggle("refused", Boolean(one.why));
    },
  };
}

/** Return the panel. */
export function messages() {
  let kept = [], now = 0, paused = false;
  const body = h("tbody"), rows = [];
  const heads = ["Age", "Address", "Arguments", "From"].map(text => h("th", { text, scope: "col" }));
  const list = h("table", { "aria-label": "Messages" }, h("thead", {}, h("tr", {}, ...heads)), body);
  const empty = h("p", { class: "empty" });
  const filter = h("input", { type: "search", placeholder: "Filter", maxLength: 200, "aria-label": "Filter messages", oninput: () => show() });
  const pause = h("button", { type: "button", class: "button", text: "Pause", "aria-pressed": "false", onclick: () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    say(pause, paused ? "Go on" : "Pause");
    if (!paused) take(desk.documents.get("messages"));
  } });
  const show = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = one => `${one.address} ${one.args.map(argument).join(" ")} ${one.from} ${one.why ? `refused ${one.why}` : ""}`.toLowerCase();
    const is = one => { const all = text(one); return wanted.every(word => all.includes(word)); };
    const found = kept.filter(is).slice(0, SHOWN);
    while (rows.length < found.length) rows.push(row());
    found.forEach((one, i) => rows[i].show(one, now));
    if (body.children.length !== found.length) body.replaceChildren(...rows.slice(0, found.length).map(each => each.node));
    list.hidden = !found.length;
    empty.hidden = found.length > 0;
    say(empty, kept.length ? "No message is like that." : "Nothing has come in since this view was opened.");
  };
  const take = told => {
    if (paused || !told) return;
    const newest = kept[0]?.number ?? 0, fresh = told.messages.filter(one => one.number > newest);
    const known = new Map(told.messages.map(one => [one.number, one]));
    // A message may be refused a moment after it was told of first.
    kept = [...fresh, ...kept.map(one => known.get(one.number) ?? one)].slice(0, KEPT);
    if (told.now) ({ now } = told);
    show();
  };
  desk.onDocument("messages", take);
  desk.onStatus(() => { if (desk.status === "lost") { kept = []; show(); } }); // another show counts from 1 again
  show();
  return h("section", { class: "panel messages", "aria-label": "Messages" },
    h("div", { class: "headrow" }, h("h2", { text: "Messages" }), filter, pause), empty, h("div", { class: "messagelist", tabIndex: 0, role: "region", "aria-label": "List of messages" }, list));
}
