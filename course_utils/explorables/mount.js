// A page's side of an explorable: what anywidget gives a module in a notebook, from JSON in the page. FILES is the
// text of every module, by name; the page's script defines it before these lines.

/** A module as a data URL, with what it imports inside it: a page opened from a file may import nothing else. */
function moduleUrl(name) {
  const text = FILES[name].replace(/"\.\/(\w+)\.js"/g, (_, imported) => JSON.stringify(moduleUrl(imported)));
  return `data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`;
}

/** What Python handed in: base64 becomes bytes, and a network's name that network. */
function revived(value, key) {
  if (key === "network" && typeof value === "string") return revived(window.courseNetworks[value]);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.base64 === "string") {
    return new DataView(Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)).buffer);
  }
  if (Array.isArray(value)) return value.map((item) => revived(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revived(item, name)]));
}

/** What a module sees as its model. `kept` lies in the browser's own storage, where there is one. */
function pageModel(element) {
  const place = `explorable ${location.pathname} ${element.dataset.id}`;
  const values = { given: revived(JSON.parse(element.dataset.given)), kept: {} };
  try {
    values.kept = JSON.parse(localStorage.getItem(place)) ?? {};
  } catch {} // a browser may refuse storage
  const listeners = new Map();
  return {
    get: (name) => values[name],
    set(name, value) {
      values[name] = value;
      for (const [callback, event] of listeners) if (event === `change:${name}`) callback();
    },
    on: (event, callback) => listeners.set(callback, event),
    off: (_, callback) => listeners.delete(callback),
    save_changes() {
      try {
        localStorage.setItem(place, JSON.stringify(values.kept));
      } catch {}
    },
  };
}

async function mount(element) {
  const module = await import(moduleUrl(element.dataset.module));
  await module.default.render({ model: pageModel(element), el: element });
}

const BESIDE = document.currentScript?.src;
const asked = {};

/** A network that the page does not hold: its script lies beside this one. */
function fetched(name) {
  asked[name] ??= new Promise((onload, onerror) => {
    const src = new URL(`network-${name}.js`, BESIDE).href;
    document.head.append(Object.assign(document.createElement("script"), { src, onload, onerror }));
  });
  return asked[name];
}

/** What needs such networks waits for them until it comes near the screen: they are most of a page's weight. */
const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      Promise.all(missing(target).map(fetched)).then(() => mount(target));
    }
  },
  { rootMargin: "1500px" },
);

function missing(element) {
  const names = [...element.dataset.given.matchAll(/"network": ?"(\w+)"/g)].map(([, name]) => name);
  return names.filter((name) => !window.courseNetworks?.[name]);
}

for (const element of document.querySelectorAll(".explorable")) {
  if (missing(element).length) near.observe(element);
  else mount(element);
}
