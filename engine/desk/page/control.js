// What plays the show beside this page: surfaces, MIDI, the audio input, and the codes that bring phones here.

import { audio } from "./audio.js";
import { button, slider, toggle } from "./controls.js";
import { desk } from "./connection.js";
import { fill, h, say, select } from "./dom.js";
import { messages } from "./messages.js";

const KEPT = 30; // refusals that are listed

const panel = (title, ...children) => h("section", { class: "panel", "aria-label": title }, h("h2", { text: title }), ...children);

/** Return a table whose rows can be replaced: `table.show([[cells]])`. A cell is text or a node. */
function table(label, heads) {
  const body = h("tbody");
  const node = h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, ...heads.map(text => h("th", { text, scope: "col" })))), body);
  node.show = rows => body.replaceChildren(...rows.map(cells => h("tr", {}, ...cells.map(cell => typeof cell === "string" ? h("td", { text: cell }) : h("td", {}, cell)))));
  return node;
}

function surfaces() {
  const list = table("Surfaces", ["Surface", "Where", "Taken", "Refused", "Dropped"]), errors = h("div");
  desk.onDocument("numbers", ({ surfaces: all = [] }) => {
    list.show(all.map(one => [one.name, one.where, String(one.received), String(one.rejected), String(one.dropped)]));
    errors.replaceChildren(...all.filter(one => one.error).map(one => h("p", { class: "fault", text: `${one.name}: ${one.error}` })));
  });
  return panel("Surfaces", list, errors);
}

function midi() {
  const devices = h("ul", { class: "plain" }), learnt = h("p", { class: "told" }), state = h("p", { class: "told" });
  const stop = button("Stop learning", () => desk.send("/midi/learn"));
  const show = () => {
    const told = desk.value("/state/midi/devices", ""), names = desk.documents.get("midi")?.devices ?? (told ? told.split(", ") : []);
    const { learning } = desk, [address, by] = desk.state.get("/state/midi/learnt") ?? ["", ""];
    say(learnt, address ? `Learnt last: ${by} plays ${address}` : "");
    devices.replaceChildren(...(names.length ? names : ["No MIDI device is connected."]).map(text => h("li", { text })));
    say(state, learning ? `Learning for ${learning}: move a knob, a fader or a key now.` : "To learn: press a control of this page for long, or right-click it, and choose Learn MIDI.");
    stop.hidden = !learning;
  };
  show();
  desk.onDocument("midi", show);
  for (const name of ["devices", "learning", "learnt"]) desk.hear(`/state/midi/${name}`, show);
  return panel("MIDI", devices, learnt, state, stop);
}

function monitor() {
  const moves = table("Moved last", ["Address", "By"]), refusals = h("ol", { class: "plain log", tabIndex: 0, "aria-label": "Refused messages" });
  const none = h("p", { class: "empty", text: "Nothing was refused while this page was open." });
  const add = text => {
    if (!text) return;
    none.hidden = true;
    refusals.prepend(h("li", {}, h("time", { text: new Date().toLocaleTimeString([], { hour12: false }) }), h("span", { text })));
    while (refusals.children.length > KEPT) refusals.lastChild.remove();
  };
  desk.hear("refused", add);
  desk.on("/state/control/error", add);
  const quiet = h("p", { class: "empty", text: "Nothing was moved within the last minute." });
  moves.hidden = true;
  desk.onDocument("moved", all => {
    const rows = Object.entries(all ?? {});
    moves.show(rows);
    moves.hidden = !rows.length;
    quiet.hidden = rows.length > 0;
  });
  return [panel("Refused", none, refusals), panel("Who moved what last", quiet, moves)];
}

function phones() {
  const codes = h("div", { class: "codes" }), urls = h("ul", { class: "plain urls" });
  const code = (svg, title) => h("figure", {},
    // As a picture: whatever the text holds, it runs nothing here.
    h("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: `QR code: ${title}` }), h("figcaption", { text: title }));
  desk.onLibrary(({ desk: here }) => {
    codes.replaceChildren(...[[here?.qr, "Play from a phone"], [here?.view_qr, "Look, without touching"]].filter(([svg]) => svg).map(([svg, title]) => code(svg, title)));
    const known = here?.urls ?? [];
    urls.replaceChildren(...known.map(url => h("li", {}, h("code", { text: url }))));
    if (!codes.children.length) codes.append(h("p", { class: "empty", text: desk.view ? "Ask whoever plays the show for a code." : "Only this machine can open the desk. Start the show with --desk 0.0.0.0 to play it from a phone." }));
  });
  return panel("Phones and tablets", codes, urls, h("p", { class: "told", text: "Set auto-lock to never on a phone that plays the show." }));
}

function screens() {
  const place = h("p", { class: "told" });
  const list = select("Screen", [], name => { if (name) desk.send("/output/monitor", name); });
  list.setAttribute("data-control", "");
  list.disabled = !desk.usable;
  const switches = h("div", { class: "choosing" },
    toggle("Full screen", { address: "/output/fullscreen" }),
    toggle("Operator's window", { address: "/output/operator", help: "A second window on this machine: wall, both decks, cues and all numbers" }));
  const show = () => {
    const names = desk.value("/state/output/monitors", "").split("\n").filter(Boolean), here = desk.value("/state/output/monitor", "");
    say(place, names.length ? `The picture is on ${here}${desk.value("/output/fullscreen", 0) ? "" : ", in a window"}.` : "The show plays without a window.");
    fill(list, names.map(name => [name, name]));
    list.value = here;
    list.hidden = switches.hidden = !names.length;
  };
  for (const address of ["/state/output/monitor", "/state/output/monitors", "/output/fullscreen"]) desk.on(address, show);
  show();
  const late = slider({ address: "/tempo/lookahead", label: "Lookahead", min: 0, max: 500, initial: 0, text: v => `${Math.round(v)} ms`, scrolls: true });
  return panel("Screen", place, h("div", { class: "choosing" }, list), switches, late,
    h("p", { class: "told", text: "Lookahead shows beats earlier, by as much as the screen is late." }));
}

/** Return the view. */
export function control() {
  const [refused, moved] = monitor();
  const node = h("div", { class: "view board" },
    h("div", { class: "column" }, audio(), midi(), moved), h("div", { class: "column" }, screens(), surfaces(), refused), h("div", { class: "column" }, phones()), messages());
  return { node, needs: () => ({ documents: ["messages", "midi", "moved", "numbers"], pictures: [] }) };
}
