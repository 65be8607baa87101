// What learning MIDI asks: the control that was moved plays something already, or the address has a control. On every view.

import { button } from "./controls.js";
import { desk } from "./connection.js";
import { h, say } from "./dom.js";

/** Return the question, hidden while nothing is asked. */
export function question() {
  const text = h("p"), answer = word => () => desk.send("/midi/answer", word);
  const replace = button("Replace", answer("replace"), { kind: "danger" }), add = button("Add", answer("add")), keep = button("Keep as it is", answer("keep"));
  const node = h("div", { class: "question", role: "alertdialog", "aria-label": "MIDI learn asks", hidden: true }, text, h("div", { class: "row" }, replace, add, keep));
  desk.on("/state/midi/question", (address, control, plays, others) => {
    node.hidden = !address;
    if (!address) return;
    const lines = [];
    if (plays) lines.push(`${control} plays ${plays} now. It would play ${address} instead.`);
    if (others) lines.push(`${address} is played by ${others}. Replace that, or add ${control} to it?`);
    say(text, lines.join(" "));
    add.hidden = !others; // a control plays one address: there is nothing to add to
  });
  desk.hear("status", () => { if (desk.status !== "open") node.hidden = true; });
  document.addEventListener("keydown", event => { if (event.key === "Escape" && !node.hidden) desk.send("/midi/answer", "keep"); });
  return node;
}
