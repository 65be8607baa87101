// Making elements. Everything from outside becomes text by textContent, never markup.

/** Return a new element. Of `props`: class, data and aria names are attributes, onx are listeners, the rest properties. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key === "text") node.textContent = value;
    else if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

/** Set the text of a node, only where it is another one: a write that changes nothing still costs a layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set a custom property such as `--v`. Style attributes in markup are barred by the page's policy, this is not. */
export function put(node, name, value) {
  node.style.setProperty(name, value);
}

/** Return `seconds` as 1:02 or 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), two = n => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Return a slug as words: "through-black" is "Through black". */
export function words(slug) {
  const text = slug.replace(/[-_]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return a name as a slug: "Neon tide!" is "neon-tide". */
export function slugOf(name) {
  return name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
}

/** Return a <select>. choices: [[value, text]]. */
export function select(label, choices, onpick) {
  const node = h("select", { "aria-label": label, onchange: () => onpick(node.value) });
  fill(node, choices);
  return node;
}

/** Put choices into a <select> and keep what is chosen, if it is still there. */
export function fill(node, choices) {
  const kept = node.value;
  node.replaceChildren(...choices.map(([value, text]) => h("option", { value, text })));
  if (choices.some(([value]) => value === kept)) node.value = kept;
}
