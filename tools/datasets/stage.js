// The page in which sketches are captured: a clock that moves only when told, chance from a seed, frames one at a time.
// Loaded before p5 by tools/datasets/browser.py, which calls `stage.begin` and `stage.frames`. Never waits for real time.
"use strict";

const stage = (() => {
  const given = JSON.parse(document.currentScript.dataset.params);
  window.params = Object.freeze(given); // seed, variant, frames, fps, size: what a sketch may ask for
  const faults = [];
  addEventListener("error", (event) => faults.push(String(event.message || "a file did not load")));
  addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));

  let now = 0; // ms
  const start = Date.UTC(2000, 0, 1);
  const RealDate = Date;
  window.Date = class extends RealDate {
    constructor(...parts) {
      super(...(parts.length ? parts : [start + now]));
    }
    static now() {
      return start + now;
    }
  };
  performance.now = () => now;

  let state = given.seed >>> 0; // mulberry32
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  let last = 0;
  let waiting = new Map(); // for the next frame
  window.requestAnimationFrame = (call) => (waiting.set(++last, call), last);
  window.cancelAnimationFrame = (id) => waiting.delete(id);
  const timers = new Map();
  const timer = (repeats) => (call, wait = 0, ...more) => {
    const every = Math.max(1, Number(wait) || 0);
    timers.set(++last, { due: now + every, every: repeats ? every : 0, run: () => call(...more) });
    return last;
  };
  window.setTimeout = timer(false);
  window.setInterval = timer(true);
  window.clearTimeout = window.clearInterval = (id) => timers.delete(id);

  const attempt = (call) => {
    try {
      call();
    } catch (error) {
      faults.push(String(error));
    }
  };

  // Everything that was promised happens before a message to oneself arrives.
  const channel = new MessageChannel();
  const settle = () =>
    new Promise((done) => {
      channel.port1.onmessage = () => done();
      channel.port2.postMessage(0);
    });

  async function step(ms) {
    const until = now + ms;
    for (;;) {
      let next = null;
      for (const [id, t] of timers) if (t.due <= until && (!next || t.due < next[1].due)) next = [id, t];
      if (!next) break;
      const [id, t] = next;
      now = Math.max(now, t.due);
      if (t.every) t.due += t.every;
      else timers.delete(id);
      attempt(t.run);
    }
    now = until;
    const calls = waiting;
    waiting = new Map();
    for (const call of calls.values()) attempt(() => call(now));
    await settle();
    await settle();
  }

  return {
    // Wait until p5 has run setup(); return the first fault or "".
    async begin() {
      for (let i = 0; i < 2000 && !faults.length && !waiting.size; i++) {
        await settle();
        if (i % 20 === 19) await step(1); // a setup may wait for a timer
      }
      if (!faults.length && typeof frameRate === "function") frameRate(given.fps);
      now = Math.ceil(now / 1000) * 1000;
      return faults[0] ?? "";
    },
    // Draw the next `count` frames; return them as data URLs of PNG, and the first fault.
    async frames(count) {
      const found = [];
      while (found.length < count && !faults.length) {
        await step(1000 / given.fps);
        if (faults.length) break;
        const canvas = document.querySelector("canvas.p5Canvas") ?? document.querySelector("canvas");
        if (!canvas) return { found, fault: "there is no canvas" };
        found.push(canvas.toDataURL("image/png"));
      }
      return { found, fault: faults[0] ?? "" };
    },
  };
})();
