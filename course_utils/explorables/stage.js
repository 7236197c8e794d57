// What all explorables share: a place to be drawn in, its colours, canvases, dragging, keys, sliders, and words for
// those who do not see it.

// The first rule hides the picture that stands for an explorable, the next output, whenever it comes: in JupyterLab it
// comes later. It goes when the explorable goes.
const STYLE = `
:is(.jp-OutputArea-child, .output):has(.ex) + :is(img, :has(img)), .explorable:has(> .ex) + :is(img, :has(img)) { display: none !important }
.ex { --text: var(--ex-text, var(--jp-content-font-color1, #1f2328)); --ground: var(--ex-ground, var(--jp-layout-color0, #fff));
  --line: var(--ex-line, var(--jp-border-color1, #8c959f)); --faint: var(--ex-faint, var(--jp-layout-color2, #eceff2));
  --one: var(--ex-one, #0072B2); --two: var(--ex-two, #D55E00);
  --one-pale: color-mix(in srgb, var(--one) 40%, var(--ground)); --two-pale: color-mix(in srgb, var(--two) 40%, var(--ground));
  color: var(--text); background: var(--ground); font: 14px/1.45 var(--ex-font, system-ui, sans-serif);
  position: relative; max-width: 54rem; padding: 6px 2px; container-type: inline-size; accent-color: var(--one); text-align: left }
[data-jp-theme-light="false"] .ex { --one: var(--ex-one, #56B4E9); --two: var(--ex-two, #F0884B) }
.ex *, .ex *::before { box-sizing: border-box }
.ex canvas, .ex svg { display: block; max-width: 100% }
.ex svg { overflow: visible; fill: var(--text) }
.ex svg text { font: 13px var(--ex-font, system-ui, sans-serif) }
.ex p { margin: 0 0 8px }
.ex :focus-visible { outline: 3px solid var(--one); outline-offset: 2px }
.ex button, .ex select { font: inherit; color: var(--text); background: var(--ground); border: 1px solid var(--line);
  border-radius: 6px; padding: 5px 12px; min-height: 34px; cursor: pointer }
.ex button:hover:not(:disabled), .ex select:hover { background: var(--faint) }
.ex button[aria-pressed="true"] { border-color: var(--one); box-shadow: inset 0 0 0 1px var(--one); font-weight: 600 }
.ex button:disabled { opacity: .5; cursor: default }
.ex-slider { display: grid; grid-template-columns: minmax(6.5em, auto) minmax(6em, 1fr) 5em; gap: 4px 10px; align-items: center;
  max-width: 34em; min-height: 30px }
.ex-slider input { width: 100%; margin: 0; min-width: 0 }
.ex-slider output { font-variant-numeric: tabular-nums }
.ex-row { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center }
.ex-hidden { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.ex-said { min-height: 1.45em }
`;

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const COLOURS = ["text", "ground", "line", "faint", "one", "two", "one-pale", "two-pale"];

/**
 * Fill `el` with `markup`. What comes back:
 *   root, find(selector)
 *   paint(canvas, draw)        draw(context, width, height, colours) in CSS pixels; returns a function that draws again
 *   drag(target, onPoint)      onPoint({x, y, kind, event}) in the target's CSS pixels; kind: "start", "move" or "end";
 *                              a third argument "pan-y" leaves a phone's page to be scrolled where drags go sideways
 *   arrows(target, onStep)     onStep(x, y, event), as on the screen: y grows downwards
 *   key(target, keys)          {" ": (event) => …, Escape: …}
 *   slider(parent, {name, min, max, step, value, show, input})   returns {value, set(value), element}
 *   say(text)                  shown, and read out once nothing has changed for a moment
 *   animate(step)              step(seconds since the last) for each frame, until it returns false; returns a stop
 *   close()                    undo all of it; what `render` returns
 */
export function openStage(el, markup, style = "") {
  el.innerHTML = `<div class="ex"><style>${STYLE}${style}</style>${markup}</div>`;
  const root = el.firstElementChild;
  const undo = [];
  const redraws = [];
  const listen = (target, event, callback, options) => {
    target.addEventListener(event, callback, options);
    undo.push(() => target.removeEventListener(event, callback, options));
  };

  // keys belong to what has the focus: JupyterLab asks that very element whether its shortcuts are wanted
  listen(root, "focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));

  const onTheme = () => redraws.forEach((redraw) => redraw());
  const themes = new MutationObserver(onTheme);
  for (const part of [document.documentElement, document.body]) themes.observe(part, { attributes: true });
  listen(matchMedia("(prefers-color-scheme: dark)"), "change", onTheme);
  undo.push(() => themes.disconnect());

  function paint(canvas, draw) {
    const context = canvas.getContext("2d");
    let asked = 0;
    function now() {
      asked = 0;
      const [width, height, density] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
      if (!width || !height) return;
      const [across, down] = [Math.round(width * density), Math.round(height * density)];
      if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, height);
      draw(context, width, height, colours(root));
    }
    const redraw = () => (asked ||= requestAnimationFrame(now));
    const sizes = new ResizeObserver(redraw);
    sizes.observe(canvas);
    redraws.push(redraw);
    undo.push(() => sizes.disconnect(), () => cancelAnimationFrame(asked));
    redraw();
    return redraw;
  }

  function drag(target, onPoint, touch = "none") {
    let held = null;
    const send = (kind, event) => {
      const box = target.getBoundingClientRect();
      onPoint({ x: event.clientX - box.left, y: event.clientY - box.top, kind, event });
    };
    target.style.touchAction = touch;
    listen(target, "pointerdown", (event) => {
      if (held !== null || event.button !== 0) return;
      held = event.pointerId;
      target.setPointerCapture(held);
      send("start", event);
    });
    listen(target, "pointermove", (event) => {
      if (event.pointerId !== held) return;
      const parts = event.getCoalescedEvents?.() ?? [];
      for (const part of parts.length ? parts : [event]) send("move", part);
    });
    listen(target, "lostpointercapture", (event) => {
      if (event.pointerId !== held) return;
      held = null;
      send("end", event);
    });
  }

  function key(target, keys) {
    listen(target, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key](event);
    });
  }

  function arrows(target, onStep) {
    key(target, Object.fromEntries(Object.entries(STEPS).map(([name, [x, y]]) => [name, (event) => onStep(x, y, event)])));
  }

  function slider(parent, { name, min, max, step, value, show = (number) => format(number), input }) {
    const element = document.createElement("label");
    element.className = "ex-slider";
    element.innerHTML = `<span></span><input type="range" min="${min}" max="${max}" step="${step}"><output></output>`;
    const [words, range, output] = element.children;
    words.textContent = name;
    const set = (number) => {
      range.value = number;
      output.textContent = show(+range.value);
      range.setAttribute("aria-valuetext", output.textContent);
    };
    set(value);
    listen(range, "input", () => {
      set(+range.value);
      input(+range.value);
    });
    parent.append(element);
    return { element, set, get value() { return +range.value; } }; // prettier-ignore
  }

  const said = root.querySelector(".ex-said");
  said?.setAttribute("aria-hidden", "true"); // the same words are spoken from below
  const spoken = document.createElement("p");
  spoken.className = "ex-hidden";
  spoken.setAttribute("role", "status");
  root.append(spoken);
  let [speaking, touched] = [0, false];
  for (const event of ["pointerdown", "keydown", "change"]) listen(root, event, () => (touched = true), true);
  function say(text) {
    if (said) said.textContent = text;
    if (!touched) return; // a page that opens does not talk
    clearTimeout(speaking);
    speaking = setTimeout(() => (spoken.textContent = text), 400);
  }
  undo.push(() => clearTimeout(speaking));

  function animate(step) {
    let [asked, last] = [0, null];
    const frame = (now) => {
      const seconds = last === null ? 1 / 60 : Math.min((now - last) / 1000, 0.1);
      last = now;
      asked = step(seconds) === false ? 0 : requestAnimationFrame(frame);
    };
    asked = requestAnimationFrame(frame);
    const stop = () => cancelAnimationFrame(asked);
    undo.push(stop);
    return stop;
  }

  function close() {
    undo.splice(0).forEach((step) => step());
    el.replaceChildren();
  }

  return { root, find: (selector) => root.querySelector(selector), paint, drag, key, arrows, slider, say, animate, listen, close };
}

/** Whether the reader asked for less motion: then show an end state at once instead of the way to it. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The stage's colours as CSS texts, by name. */
export function colours(root) {
  const style = getComputedStyle(root);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** A CSS colour as [red, green, blue] from 0 to 255. */
export function rgb(colour) {
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

/** From the colour [r, g, b] `low` at 0 to `high` at 1. */
export const mix = (low, high, share) => low.map((part, index) => part + (high[index] - part) * share);

/** A number as people read it: two decimals, a true minus, no "−0.00". */
export function format(value, digits = 2) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export const percent = (share) => `${Math.round(100 * share)} %`;

/** Text as HTML shows it unchanged. */
export const escaped = (text) => String(text).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
