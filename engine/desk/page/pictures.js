// The live pictures of deck a, deck b and the wall. One is decoded at a time, and the newest wins.

import { desk } from "./connection.js";
import { h } from "./dom.js";

/** Return a canvas that shows a picture of the desk: "a", "b" or "wall". */
export function picture(name, label) {
  const canvas = h("canvas", { class: "picture", width: 320, height: 180, role: "img", "aria-label": label });
  const context = canvas.getContext("2d", { alpha: false });
  let next = null, busy = false;
  const draw = async () => {
    busy = true;
    while (next) {
      const blob = next;
      next = null;
      try {
        const bitmap = await createImageBitmap(blob);
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
          canvas.width = bitmap.width;
          canvas.height = bitmap.height;
        }
        context.drawImage(bitmap, 0, 0);
        bitmap.close();
        canvas.classList.add("live");
      } catch { /* a picture that cannot be read: the next one comes at once */ }
    }
    busy = false;
  };
  desk.hear(`picture ${name}`, blob => { next = blob; if (!busy) draw(); });
  desk.hear("status", () => canvas.classList.toggle("live", desk.status === "open" && canvas.classList.contains("live")));
  return canvas;
}

/** Return the pictures that can be seen within `root` now: a hidden canvas needs none. */
export function seen(root) {
  return ["a", "b", "wall"].filter(name => root.querySelector(`[data-picture="${name}"]`)?.offsetParent);
}
