// What a page does by itself: light or dark, contents on a phone, copying code, cues where something scrolls, the place.
"use strict";

const root = document.documentElement;
const kept = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* a browser may keep nothing */ } },
};

function switchShade() {
  const button = document.querySelector(".shade");
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = getComputedStyle(root).colorScheme.includes("light")
      ? root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches
      : true;
    root.dataset.theme = dark ? "light" : "dark";
    kept.set("theme", root.dataset.theme);
  });
}

function openContents() {
  const [button, contents] = [document.querySelector(".menu"), document.querySelector(".contents")];
  const show = (open) => {
    contents.toggleAttribute("data-open", open);
    button.setAttribute("aria-expanded", open);
  };
  button.hidden = document.body.classList.contains("first");
  button.addEventListener("click", () => show(!contents.hasAttribute("data-open")));
  contents.addEventListener("click", (event) => event.target.closest("a") && show(false));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && contents.hasAttribute("data-open")) { show(false); button.focus(); }
  });
}

function offerCopies() {
  for (const code of document.querySelectorAll(".cell_input .highlight, main > section > [class*='highlight-'] .highlight, .first pre")) {
    code.classList.add("code");
    const button = Object.assign(document.createElement("button"), { className: "copy", type: "button", textContent: "Copy" });
    button.setAttribute("aria-label", "Copy this code");
    const text = (code.querySelector("pre") || code).textContent;
    button.addEventListener("click", async () => {
      button.textContent = (await copied(text)) ? "Copied" : "Not copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    code.append(button);
  }
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // a page from a file may have no clipboard
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function cueScrolling() {
  for (const table of document.querySelectorAll("main table")) {
    if (!table.closest(".scrolls")) {
      const around = Object.assign(document.createElement("div"), { className: "table scrolls" });
      table.replaceWith(around);
      around.append(table);
    }
  }
  const all = [...document.querySelectorAll(".scrolls, main pre")];
  const cue = (element) => {
    const over = element.scrollWidth - element.clientWidth;
    const [left, right] = [element.scrollLeft > 2, element.scrollLeft < over - 2];
    element.dataset.more = over > 2 ? (left && right ? "both" : left ? "left" : "right") : "";
    if (over > 2) {
      element.tabIndex = 0; // so that keys scroll it too
      if (!element.hasAttribute("role")) { element.setAttribute("role", "group"); }
      element.setAttribute("aria-label", "Scrolls sideways");
    }
  };
  const watch = new ResizeObserver((changes) => changes.forEach((change) => cue(change.target)));
  for (const element of all) {
    element.classList.add("scrolls");
    element.addEventListener("scroll", () => cue(element), { passive: true });
    watch.observe(element);
  }
}

function followSections() {
  const entries = [...document.querySelectorAll(".contents .toctree-l2")].map((item) => {
    const name = decodeURIComponent(item.querySelector("a").hash.slice(1));
    return { item, section: name && document.getElementById(name) };
  }).filter((entry) => entry.section);
  const follow = () => {
    const passed = entries.filter(({ section }) => section.getBoundingClientRect().top < innerHeight * 0.35);
    entries.forEach(({ item }, place) => {
      item.classList.toggle("read", place < passed.length);
      item.classList.toggle("here", place === passed.length - 1);
    });
  };
  if (entries.length) {
    addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });
    follow();
  }
}

switchShade();
openContents();
offerCopies();
cueScrolling();
followSections();
