// The small menu of a control: learn MIDI, forget it, back to the default, and who moved it last. A long press or a right
// click opens it; it goes away by itself, by Escape, by a touch elsewhere, and when the hand moves on.

import { desk } from "./connection.js";
import { h } from "./dom.js";

const LONG_MS = 600;
const SLACK = 6;
const SHOWN_MS = 6000;

let open = null, timer = 0;

export function closeMenu() {
  clearTimeout(timer);
  open?.remove();
  open = null;
}

document.addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  closeMenu();
  if (desk.learning) desk.send("/midi/learn"); // without an address it ends
});
document.addEventListener("pointerdown", event => { if (open && !open.contains(event.target)) closeMenu(); }, true);

/** Mark the control that MIDI is learnt for. */
function mark() {
  const { learning } = desk;
  for (const node of document.querySelectorAll("[data-address]")) node.classList.toggle("learning", node.dataset.address === learning);
}

desk.onDocument("midi", mark);
desk.on("/state/midi/learning", mark);
desk.hear("status", () => { if (desk.status !== "open") closeMenu(); });

/** Give a control its menu. reset: what goes back to the default, or null. */
export function offerMenu(node, { address, help = "", reset = null, resetText = "" }) {
  let press = 0, at = null;
  node.dataset.address = address;
  const stop = () => { clearTimeout(press); press = 0; };
  node.addEventListener("pointerdown", event => {
    if (event.button || !desk.usable) return;
    at = [event.clientX, event.clientY];
    stop();
    press = setTimeout(() => {
      press = 0;
      show();
      // The click that ends a long press must not press the button as well.
      node.addEventListener("click", swallow, { once: true, capture: true });
      setTimeout(() => node.removeEventListener("click", swallow, true), 3000);
    }, LONG_MS);
  });
  node.addEventListener("pointermove", event => {
    if (at && Math.hypot(event.clientX - at[0], event.clientY - at[1]) > SLACK) { stop(); if (open?.owner === node) closeMenu(); at = null; }
  });
  for (const type of ["pointerup", "pointercancel"]) node.addEventListener(type, stop);
  node.addEventListener("contextmenu", event => {
    event.preventDefault();
    stop();
    if (desk.usable && event.pointerType !== "touch") show();
  });
  const show = () => {
    closeMenu();
    const act = (text, does) => h("button", { type: "button", class: "button", text, onclick: () => { does(); closeMenu(); } });
    const by = desk.documents.get("moved")?.[address];
    const item = desk.tree.get(address);
    open = h("div", { class: "menu", role: "dialog", "aria-label": `Menu of ${address}` },
      h("code", { text: address }),
      help || item?.help ? h("p", { text: help || item.help }) : null,
      by ? h("p", { class: "by", text: `Moved last by ${by}` }) : null,
      h("div", { class: "row" },
        act("Learn MIDI", () => desk.send("/midi/learn", address)),
        act("Forget MIDI", () => desk.send("/midi/forget", address)),
        reset ? act(`Back to ${resetText}`, reset) : null));
    open.owner = node;
    document.body.append(open);
    const box = node.getBoundingClientRect(), size = open.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), innerWidth - size.width - 8);
    const above = box.top - size.height - 10; // above the finger, where it can be read
    const top = above > 8 ? above : Math.min(box.bottom + 10, innerHeight - size.height - 8);
    open.style.setProperty("left", `${left}px`);
    open.style.setProperty("top", `${Math.max(8, top)}px`);
    timer = setTimeout(closeMenu, SHOWN_MS);
  };
}

function swallow(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}
