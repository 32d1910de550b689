"use strict";
// Filters of the conversation. Everything else on the page works without a script.
(() => {
  const log = document.getElementById("log");
  const boxes = [...document.querySelectorAll("input[data-filter]")];
  if (!log || !boxes.length) return;
  const of = (filter) => boxes.filter((box) => box.dataset.filter === filter);
  const on = (filter) => new Set(of(filter).filter((box) => box.checked).map((box) => box.value));
  const apply = () => {
    const kinds = on("kind");
    const acts = on("act");
    const allActs = of("act").every((box) => box.checked);
    const cited = of("cited").some((box) => box.checked);
    const shown = (event) => {
      if (!kinds.has(event.dataset.k)) return false;
      if (cited && !("c" in event.dataset) && !event.querySelector("[data-c]")) return false;
      const own = event.dataset.a;
      return allActs || (own !== undefined && own.split(" ").some((act) => acts.has(act)));
    };
    for (const chunk of log.children) {
      let any = false;
      for (const event of chunk.children) {
        if (!event.dataset.k) continue;
        event.hidden = !shown(event);
        any = any || !event.hidden;
        for (const inner of event.querySelectorAll(":scope > .ev")) inner.hidden = !kinds.has(inner.dataset.k);
      }
      chunk.classList.toggle("empty", !any);
    }
  };
  for (const box of boxes) box.addEventListener("change", apply);
  for (const button of document.querySelectorAll("button[data-filter]")) {
    button.addEventListener("click", () => {
      const all = button.dataset.filter === "all";
      for (const box of boxes) box.checked = box.dataset.filter === "cited" ? false : all;
      apply();
    });
  }
  // A link to what a filter hides or a fold holds shows it again.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      at.hidden = false;
      at.classList.remove("empty");
      if (at.localName === "details") at.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
})();
