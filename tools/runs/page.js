"use strict";
const videos = [...document.querySelectorAll("video")];
const all = document.getElementById("all");
function toggle(video, on) { if (on) video.play().catch(() => {}); else video.pause(); }
for (const video of videos) {
  video.addEventListener("click", () => toggle(video, video.paused));
  video.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(video, video.paused); }
  });
}
if (all) {
  all.hidden = videos.length === 0;
  all.addEventListener("click", () => {
    const on = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(on));
    all.textContent = on ? "Pause the videos" : "Play the videos";
    for (const video of videos) {  // from the start and together: side by side means the same music at the same time
      video.currentTime = 0;
      toggle(video, on && video.closest("[hidden]") === null);
    }
  });
}
const tabs = [...document.querySelectorAll(".tabs a")];
const sections = tabs.map(tab => document.getElementById(tab.hash.slice(1)));
function show(hash) {
  const one = tabs.find(tab => tab.hash === hash && hash !== "#everything");
  tabs.forEach((tab, k) => {
    tab.setAttribute("aria-current", String(one ? tab === one : tab.hash === "#everything"));
    if (sections[k]) {
      sections[k].hidden = Boolean(one) && tab !== one;
      if (sections[k].hidden) sections[k].querySelectorAll("video").forEach(video => video.pause());
    }
  });
}
for (const tab of tabs) tab.addEventListener("click", event => { event.preventDefault(); show(tab.hash); });
