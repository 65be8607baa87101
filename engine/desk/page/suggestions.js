// Styles that suit the music that plays now, with the reason for each; the desk looks again every five seconds.

import { desk } from "./connection.js";
import { h, say } from "./dom.js";
import { hidden } from "./mix.js";
import { still } from "./scenes.js";

/** Return the panel. loader: makes the buttons that load a style, with `aim(deck)`; `node.update()` aims them all. */
export function suggestions(loader) {
  const heard = h("p", { class: "told", role: "status", text: "Listening" }), row = h("div", { class: "suggestrow" });
  const node = h("section", { class: "suggested", "aria-label": "Suggestions for the music" }, h("div", { class: "headrow" }, h("h2", { text: "For the music that plays" }), heard), row);
  let cards = new Map();
  const card = slug => {
    const style = desk.library?.styles.find(one => one.slug === slug);
    if (!style) return null; // the list of styles is still on its way, or the style has just come
    const reason = h("p", { class: "said" }), load = loader(style);
    return { node: h("article", { class: "card" }, h("div", { class: "shot" }, still(style.still, style.name)),
      h("div", { class: "cardbody" }, h("div", { class: "cardtitle" }, h("h2", { text: style.name })), reason, load)), reason, load };
  };
  const show = () => {
    const told = desk.documents.get("suggestions");
    if (!told) return;
    say(heard, told.why || told.heard);
    const next = new Map();
    for (const { slug, reason } of told.styles) {
      const one = cards.get(slug) ?? card(slug);
      if (!one) continue;
      say(one.reason, reason);
      one.reason.title = reason;
      next.set(slug, one);
    }
    cards = next;
    const nodes = [...cards.values()].map(one => one.node);
    // Only where they are others: a finger may be on one of them.
    if (nodes.length !== row.children.length || nodes.some((each, i) => each !== row.children[i])) row.replaceChildren(...nodes);
    row.hidden = !nodes.length;
    node.update();
  };
  node.update = () => { for (const one of cards.values()) one.load.aim(hidden()); };
  desk.onDocument("suggestions", show);
  desk.onLibrary(() => { cards = new Map(); show(); });
  row.hidden = true;
  return node;
}
