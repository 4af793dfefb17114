"use strict";
(() => {
  const list = document.getElementById("moments");
  const items = Array.from(list.children);
  const byId = (id) => document.getElementById(id);
  const action = byId("action"), least = byId("least"), order = byId("order");
  const player = byId("player"), video = byId("video"), trouble = byId("trouble");
  const number = (item, name) => Number(item.dataset[name]);
  const length = (item) => number(item, "end") - number(item, "start");
  const sorts = {
    file: (a, b) => number(a, "place") - number(b, "place"),
    probability: (a, b) => number(b, "probability") - number(a, "probability"),
    length: (a, b) => length(b) - length(a),
  };
  let current = null;

  function filter() {
    byId("least-shown").textContent = `${least.value} %`;
    let shown = 0;
    for (const item of items) {
      const fits = (!action.value || item.dataset.action === action.value)
        && 100 * number(item, "probability") >= Number(least.value);
      item.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("count").textContent = `${shown} of ${items.length} moments shown`;
  }

  function sort() {
    list.append(...items.sort(sorts[order.value]));
  }

  function play(item) {
    if (current) current.firstElementChild.removeAttribute("aria-current");
    current = item;
    item.firstElementChild.setAttribute("aria-current", "true");
    const { href, start, end, title } = item.dataset;
    byId("playing").textContent = title;
    trouble.textContent = "";
    player.hidden = false;
    const seek = () => { video.currentTime = Number(start); video.play().catch(() => {}); };
    const address = `${href}#t=${start},${end}`;
    if (video.dataset.href === href && video.readyState > 0) {
      seek();
    } else {
      video.dataset.href = href;
      video.onloadedmetadata = seek;
      video.src = address;
    }
    stopAt = Number(end);
    byId("playing").focus({ preventScroll: true });
    player.scrollIntoView({ block: "nearest" });
  }
  let stopAt = Infinity;
  video.addEventListener("timeupdate", () => {
    if (video.currentTime >= stopAt) { video.pause(); stopAt = Infinity; }
  });
  video.addEventListener("error", () => {
    const file = current ? current.dataset.file : "";
    trouble.textContent = `The browser cannot play ${file}: the file has moved, or browsers do not know its format. Open it in a video player.`;
  });

  function step(by) {
    const playable = Array.from(list.children).filter((i) => !i.hidden && i.dataset.href);
    const at = playable.indexOf(current);
    const next = playable[at < 0 ? 0 : at + by];
    if (next) play(next);
  }

  function close() {
    video.pause();
    player.hidden = true;
    if (current) current.firstElementChild.focus();
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button.moment");
    if (button) play(button.parentElement);
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  action.addEventListener("change", filter);
  least.addEventListener("input", filter);
  order.addEventListener("change", sort);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || /SELECT|INPUT/.test(event.target.tagName)) return;
    if (event.key === "n") step(1);
    if (event.key === "p") step(-1);
    if (event.key === "Escape" && !player.hidden) close();
  });
  filter();
})();
