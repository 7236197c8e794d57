// Finds sections by their words. The index is a script, loaded when it is first asked for: that works from a file too.
"use strict";

(() => {
  const button = document.querySelector(".find");
  const dialog = document.createElement("dialog");
  dialog.className = "search";
  dialog.setAttribute("aria-label", "Search the lessons");
  dialog.innerHTML = `<label><span class="unseen">Words to find</span>
    <input type="search" placeholder="Words to find, such as gradient zero" autocomplete="off" spellcheck="false"></label>
    <p role="status"></p><ol></ol>`;
  document.body.append(dialog);
  const [input, status, list] = ["input", "[role=status]", "ol"].map((name) => dialog.querySelector(name));
  const base = document.documentElement.dataset.root;

  function load() {
    if (window.courseSections || document.querySelector("script[data-sections]")) { return; }
    const script = document.createElement("script");
    script.dataset.sections = "";
    script.src = `${base}_static/sections.js`;
    script.onload = show;
    document.head.append(script);
  }

  const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const pattern = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  function find(words) {
    const found = [];
    for (const [page, heading, name, text] of window.courseSections) {
      const [head, body] = [heading.toLowerCase(), text.toLowerCase()];
      if (words.every((word) => head.includes(word) || body.includes(word))) {
        const score = words.reduce((sum, word) => sum + (head.includes(word) ? 20 : 0)
          + Math.min(body.split(word).length - 1, 5) + (new RegExp(`(^|\\W)${pattern(word)}`).test(body) ? 3 : 0), 0);
        found.push({ page, heading, name, text, score });
      }
    }
    return found.sort((one, other) => other.score - one.score);
  }

  function context(text, words) {
    const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
    const before = Math.max(0, Math.min(...(places.length ? places : [0])) - 60);
    const begin = before && text.indexOf(" ", before) + 1; // no half a word
    const cut = (begin ? "… " : "") + text.slice(begin, begin + 190).trim() + (begin + 190 < text.length ? " …" : "");
    return marked(cut, words);
  }

  const marked = (text, words) => text.split(new RegExp(`(${words.map(pattern).join("|")})`, "gi"))
    .map((piece, place) => (place % 2 ? `<mark>${escaped(piece)}</mark>` : escaped(piece))).join("");

  function show() {
    const words = input.value.toLowerCase().split(/\s+/).filter((word) => word.length > 1);
    if (!words.length || !window.courseSections) { list.replaceChildren(); status.textContent = ""; return; }
    const found = find(words);
    status.textContent = found.length === 1 ? "1 section" : `${found.length || "No"} sections`;
    list.innerHTML = found.slice(0, 40).map(({ page, heading, name, text }) => `<li><a href="${base}${page}.html#${name}">
      <strong>${marked(heading, words)}</strong><small>${escaped(titles.get(page) || page)}</small>
      <p>${context(text, words)}</p></a></li>`).join("");
  }

  const titles = new Map([...document.querySelectorAll(".contents .toctree-l1 > a")].map((link) => [
    link.getAttribute("aria-current") ? document.documentElement.dataset.page : link.getAttribute("href").replace(/^.*\/|\.html.*$/g, ""),
    link.textContent,
  ]));

  function open() { load(); dialog.showModal(); input.select(); }
  button.hidden = false;
  button.addEventListener("click", open);
  input.addEventListener("input", show);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("a")) { dialog.close(); }
  });
  addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); open(); }
  });
  dialog.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && links.length) { event.preventDefault(); links[Math.min(place + 1, links.length - 1)].focus(); }
    if (event.key === "ArrowUp" && place >= 0) { event.preventDefault(); (place ? links[place - 1] : input).focus(); }
    if (event.key === "Enter" && document.activeElement === input && links.length) { links[0].click(); }
  });
})();
