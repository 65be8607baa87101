// The socket to the desk, and everything that came over it: state by address, documents, the library, the tree.
//
// Nothing is queued while the desk is away: a blackout that arrives ten seconds late is worse than none.

import { decode, encode } from "./osc.js";

const OWN_MS = 1000;
const WAITS = [500, 1000, 2000]; // ms until the next try; the last one again and again

class Desk {
  constructor() {
    this.key = decodeURIComponent(location.hash.slice(1));
    this.status = "connecting"; // open, lost, refused
    this.view = false;
    this.name = "Phosphene";
    this.state = new Map();
    this.documents = new Map();
    this.tree = new Map();
    this.library = null;
    this.sent = new Map(); // address -> the value and when: to know own changes from others'
    this.listeners = new Map();
    this.wishes = { documents: new Map(), pictures: new Map() };
    this.waiting = new Map();
    this.used = new Set();
    this.tries = 0;
  }

  /** Whether controls may be moved now. */
  get usable() { return this.status === "open" && !this.view; }

  /** Call `listen` with each new value of a topic; returns the way to stop it. */
  hear(topic, listen) {
    if (!this.listeners.has(topic)) this.listeners.set(topic, new Set());
    this.listeners.get(topic).add(listen);
    return () => this.listeners.get(topic).delete(listen);
  }

  tell(topic, ...values) {
    for (const listen of this.listeners.get(topic) ?? []) {
      try { listen(...values); } catch (error) { console.error(topic, error); } // one bad panel must not stop the others
    }
  }

  /** Call `listen(...args)` with the state of an address, now if it is known. */
  on(address, listen) {
    if (this.state.has(address)) listen(...this.state.get(address));
    return this.hear(address, listen);
  }

  /** Whether the value of an address is what this page itself sent just now. */
  isOwn(address, value) {
    const own = this.sent.get(address);
    return own !== undefined && own.value === value && performance.now() - own.at < OWN_MS;
  }

  /** The address that MIDI is learnt for, "" when it is not. */
  get learning() { return this.documents.get("midi")?.learning || this.value("/state/midi/learning", ""); }

  /** Return the first argument of an address, or `otherwise`. */
  value(address, otherwise) { return this.state.get(address)?.[0] ?? otherwise; }

  /** Call `listen()` when the desk comes, goes, or lets nobody touch; and now. */
  onStatus(listen) { listen(); return this.hear("status", listen); }

  /** Call `listen(value)` with a document, now if it is known. */
  onDocument(name, listen) {
    if (this.documents.has(name)) listen(this.documents.get(name));
    return this.hear(`document ${name}`, listen);
  }

  /** Call `listen(library)` when the library is read, now if it was. */
  onLibrary(listen) {
    if (this.library) listen(this.library);
    return this.hear("library", listen);
  }

  /** Call `listen(tree)` when ranges and labels are known. */
  onTree(listen) {
    if (this.tree.size) listen(this.tree);
    return this.hear("tree", listen);
  }

  /** Return the address of a picture or a video, with the key where there is one. */
  url(path) {
    if (!path || !this.key) return path;
    return `${path}${path.includes("?") ? "&" : "?"}key=${encodeURIComponent(this.key)}`;
  }

  /** Say what somebody needs: documents and pictures by name. The union of all wishes is asked for. */
  want(who, { documents = [], pictures = [] }) {
    this.wishes.documents.set(who, documents);
    this.wishes.pictures.set(who, pictures);
    this.ask();
  }

  ask() {
    if (this.status !== "open") return;
    // A page that nobody sees costs nothing: browsers also stop drawing it.
    const all = wishes => document.hidden ? [] : [...new Set([...wishes.values()].flat())].sort();
    for (const [command, wishes] of [["DOCUMENTS", this.wishes.documents], ["PICTURES", this.wishes.pictures]]) {
      const list = all(wishes), text = list.join();
      if (this.asked[command] === text) continue;
      this.asked[command] = text;
      this.command(command, list);
    }
  }

  command(name, data) { this.socket.send(JSON.stringify({ COMMAND: name, DATA: data })); }

  /** Send one control change; false where that is not possible now. At most one an address and frame, the newest wins. */
  send(address, ...args) { return this.sendAs(address, address, ...args); }

  /** As `send`; `slot` tells changes of one address apart that do not replace each other. */
  sendAs(slot, address, ...args) {
    if (!this.usable) return false;
    this.sent.set(address, { value: args[0], at: performance.now() });
    if (this.used.has(address)) this.waiting.set(slot, [address, args]); // newest wins, until the next frame
    else this.post(address, args);
    // The desk tells a page nothing that the page said itself: so it is taken as done here. Where the desk decides
    // otherwise, it says so.
    if (args.length && this.state.has(address)) { this.state.set(address, args); this.tell(address, ...args); }
    return true;
  }

  post(address, args) {
    this.used.add(address);
    this.socket.send(encode(address, args));
    if (this.used.size === 1) requestAnimationFrame(() => this.flush());
  }

  flush() {
    this.used.clear();
    if (!this.usable) { this.waiting.clear(); return; }
    for (const [slot, [address, args]] of [...this.waiting]) {
      if (this.used.has(address)) continue;
      this.waiting.delete(slot);
      this.post(address, args);
    }
  }

  /** Open the socket, and open it again whenever it is lost. */
  start() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.flush(); // a hidden page has no frames: what waits would come late
      this.ask();
    });
    window.addEventListener("hashchange", () => location.reload()); // another key
    this.open();
  }

  open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.asked = { DOCUMENTS: "", PICTURES: "" };
    socket.onopen = () => this.command("HELLO", { key: this.key });
    socket.onmessage = event => this.receive(event.data);
    socket.onclose = event => this.closed(event.code);
  }

  closed(code) {
    this.waiting.clear();
    this.used.clear();
    if (code === 4401) { this.become("refused"); return; } // asking again with the same key is of no use
    this.become("lost");
    setTimeout(() => this.open(), WAITS[Math.min(this.tries++, WAITS.length - 1)]);
  }

  become(status) {
    this.status = status;
    this.tell("status");
  }

  receive(data) {
    if (typeof data === "string") {
      let told;
      try { told = JSON.parse(data); } catch { return; } // NaN is no JSON: one document is left out
      this.receiveText(told);
      return;
    }
    const bytes = new Uint8Array(data), kind = bytes[0];
    if (kind === 0x2f || kind === 0x23) {
      for (const { address, args } of decode(bytes)) { this.state.set(address, args); this.tell(address, ...args); }
    } else {
      const name = { 65: "a", 66: "b", 87: "wall" }[kind];
      if (name) this.tell(`picture ${name}`, new Blob([bytes.subarray(1)], { type: "image/jpeg" }));
    }
  }

  receiveText({ COMMAND: command, DATA: data }) {
    if (command === "HELLO") this.welcome(data);
    else if (command === "REFUSED") this.tell("refused", String(data));
    else if (command === "PATH_CHANGED") this.read();
    else if (command === "DOCUMENT") { this.documents.set(data.name, data.value); this.tell(`document ${data.name}`, data.value); }
  }

  welcome({ view, name }) {
    this.view = Boolean(view);
    this.name = name || "Phosphene";
    this.tries = 0;
    this.command("WATCH", true);
    this.become("open");
    this.ask();
    this.read();
  }

  /** Return what lies at a path of the desk, read as JSON. */
  async get(path) {
    const headers = { Accept: "application/json", ...(this.key ? { Authorization: `Bearer ${this.key}` } : {}) };
    const answer = await fetch(path, { headers, cache: "no-store" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  /** Fetch the tree and the library. Either may fail: the page plays on with what it has. */
  async read() {
    const tree = this.get("/").then(root => { this.tree = flat(root); this.tell("tree", this.tree); });
    const library = this.get("/desk/library.json").then(found => { this.library = found; this.tell("library", found); });
    for (const result of await Promise.allSettled([tree, library])) {
      if (result.status === "rejected") this.tell("refused", `not read: ${result.reason.message}`);
    }
  }
}

/** Return the tree's leaves: address -> {address, label, help, min, max, choices, unit, initial}. */
export function flat(root) {
  const found = new Map();
  const walk = (node, path) => {
    if (node.TYPE) {
      const range = node.RANGE?.[0] ?? {};
      found.set(path, {
        address: path, label: node.DESCRIPTION ?? "", help: node.HELP ?? "", min: range.MIN, max: range.MAX,
        choices: range.VALS, unit: [node.UNIT].flat()[0] ?? "", initial: [node.DEFAULT].flat()[0],
      });
    }
    for (const [name, child] of Object.entries(node.CONTENTS ?? {})) walk(child, `${path}/${name}`);
  };
  walk(root, "");
  return found;
}

export const desk = new Desk();
