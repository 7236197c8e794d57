// The pad: draw a digit; the frame as MNIST made it, and what each network answers, while it is drawn.
// given: {readers: [{name, network, temperature}], example: 784 pixels}; kept: {digits: [{pixels, answers}]}.

import { ANSWERS_STYLE, digitMarkup, drawDigit, inOneSentence, inWords, showAnswers } from "./answers.js";
import { toMnistFrame } from "./frame.js";
import { read } from "./network.js";
import { escaped, openStage } from "./stage.js";

const SIDE = 112; // pixels a side that the frame is made from
const FINE = 560; // pixels a side that are drawn, enough for a dense screen
const STEP = FINE / 28;
const MOST = 6; // tries that are kept
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WAYS = [
  "slant it", "make it small, in a corner", "take a thinner pen", "leave the strokes open", "cross the seven",
  "turn it a little", "make it as wide as the pad", "draw it as a child would",
]; // prettier-ignore
const HELP =
  "Drawing pad. Draw a digit with mouse, pen or finger. With the keyboard: the arrow keys move the pen, " +
  "Space puts it down or lifts it, Escape or Delete clears the pad.";

const STYLE = `
.pad-desk { display: flex; flex-wrap: wrap; gap: 14px 26px; align-items: flex-start }
.pad-page { position: relative; flex: 0 1 300px; aspect-ratio: 1; min-width: 240px }
.pad-page canvas { width: 100%; height: 100%; border: 1.5px solid var(--line); border-radius: 8px; cursor: crosshair;
  user-select: none; -webkit-user-select: none }
.pad-pen { display: none; position: absolute; aspect-ratio: 1; border-radius: 50%; border: 3px solid var(--two);
  transform: translate(-50%, -50%); pointer-events: none }
.pad-pen.down { background: var(--two) }
.pad-page canvas:focus-visible + .pad-pen { display: block }
.pad-beside { flex: 1 1 240px; min-width: 0 }
.pad-seen { display: flex; gap: 12px; align-items: flex-end; margin: 10px 0 }
.pad-seen canvas { width: 112px; height: 112px; flex: none }
.pad-beside .ex-slider { grid-template-columns: auto minmax(5em, 1fr) 1.5em }
.pad-earlier { display: flex; flex-wrap: wrap; gap: 12px 22px }
.pad-earlier figure { margin: 0; display: flex; gap: 8px; font-size: 12.5px; line-height: 1.4 }
.pad-earlier i { width: 56px; height: 56px; flex: none }
`;

function render({ model, el }) {
  const { readers, example } = model.get("given");
  const names = readers.map((reader) => reader.name);
  const stage = openStage(
    el,
    `<div class="pad-desk">
      <div class="pad-page">
        <canvas tabindex="0" role="application" aria-label="${HELP}"></canvas>
        <div class="pad-pen"></div>
      </div>
      <div class="pad-beside">
        <div class="pen"></div>
        <div class="pad-seen">
          <canvas role="img" aria-label="The drawing in 28 by 28 pixels"></canvas>
          <span>What the networks see: scaled to 20 × 20, centred on its ink, as MNIST's digits are.</span>
        </div>
        <div class="ex-row"><button class="clear">Clear</button><button class="another">Try another way</button></div>
        <p class="way" style="margin-top: 10px"></p>
        <p class="ex-said"></p>
      </div>
    </div>
    <div class="answers"></div>
    <div class="pad-earlier"></div>`,
    ANSWERS_STYLE + STYLE,
  );
  const page = stage.find(".pad-page canvas");
  const [cursor, seen, way, earlier] = [".pad-pen", ".pad-seen canvas", ".way", ".pad-earlier"].map(stage.find);
  const showAll = showAnswers(stage.find(".answers"), names);
  const ink = inkCanvas(FINE);
  const small = inkCanvas(SIDE);
  let frame = new Uint8Array(784);
  let answers = null;
  let isExample = false;
  let ways = 0;

  /** Read the ink, and let every network answer. */
  function ask() {
    small.clearRect(0, 0, SIDE, SIDE);
    small.drawImage(ink.canvas, 0, 0, SIDE, SIDE);
    const { data } = small.getImageData(0, 0, SIDE, SIDE);
    const page = Uint8Array.from({ length: SIDE * SIDE }, (_, index) => data[4 * index + 3]);
    frame = toMnistFrame(page, SIDE, SIDE);
    answers = frame.some(Boolean) ? readers.map((reader) => read(reader, frame)) : null;
    showAll(answers);
    redrawSeen();
  }
  const reading = () => (ask(), answers ? inOneSentence(names, answers) : "The pad is empty. Draw a digit.");

  let stale = true;
  const redraw = stage.paint(page, (context, width, height, colours) => {
    if (stale) ask();
    stale = false;
    context.drawImage(ink.canvas, 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colours.text;
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
  });
  const redrawSeen = stage.paint(seen, (context, width, height, colours) => {
    drawDigit(context, frame, 0, 0, width, colours);
    context.setLineDash([3, 3]);
    context.strokeRect((4 * width) / 28, (4 * height) / 28, (20 * width) / 28, (20 * height) / 28);
    context.setLineDash([]);
  });
  const change = () => ((stale = true), redraw());

  function clear() {
    ink.clearRect(0, 0, FINE, FINE);
    isExample = false;
    change();
  }

  function stroke(from, to) {
    if (isExample) clear();
    ink.lineWidth = pen.value * STEP;
    ink.beginPath();
    ink.moveTo(from.x, from.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
    change();
  }

  let last = null; // where mouse, pen or finger was
  stage.drag(page, ({ x, y, kind }) => {
    const next = { x: (x * FINE) / page.clientWidth, y: (y * FINE) / page.clientHeight };
    if (kind === "end") return stage.say(reading());
    stroke(kind === "start" ? next : last, next);
    last = next;
  });

  let at = { x: FINE / 2, y: FINE / 4 }; // where the keyboard's pen is
  let down = false;
  const held = new Set();
  function showCursor() {
    cursor.style.left = `${(100 * at.x) / FINE}%`;
    cursor.style.top = `${(100 * at.y) / FINE}%`;
    cursor.style.width = `${(100 * (pen.value + 1)) / 28}%`;
    cursor.classList.toggle("down", down);
  }
  function move() {
    const next = { ...at };
    for (const key of held) {
      next.x = Math.min(Math.max(next.x + ARROWS[key][0] * STEP, 0), FINE);
      next.y = Math.min(Math.max(next.y + ARROWS[key][1] * STEP, 0), FINE);
    }
    if (down) stroke(at, next);
    at = next;
    stage.say(down ? `Pen down. ${reading()}` : `Pen up, ${at.x / STEP} of 28 from the left, ${at.y / STEP} from the top.`);
  }
  function lift() {
    down = !down;
    if (down) stroke(at, at);
    stage.say(`Pen ${down ? "down" : "up"}. ${reading()}`);
  }
  function wipe() {
    down = false;
    clear();
    stage.say(reading());
  }
  stage.key(page, { " ": (event) => event.repeat || lift(), Escape: wipe, Delete: wipe, Backspace: wipe });
  stage.arrows(page, (x, y, event) => (held.add(event.key), move()));
  stage.listen(page, "keydown", showCursor);
  stage.listen(page, "keyup", (event) => held.delete(event.key));
  stage.listen(page, "blur", () => (held.clear(), (down = false), showCursor()));
  stage.listen(page, "focus", () => stage.say(reading()));
  const pen = stage.slider(stage.find(".pen"), { name: "pen", min: 1, max: 4, step: 1, value: 3, show: String, input: showCursor });
  // 3 gives a 7 as much ink as the mean 7 of MNIST has

  function showEarlier() {
    const tries = model.get("kept").digits ?? [];
    earlier.innerHTML = tries
      .map(({ pixels, answers }) => `<figure>${digitMarkup(pixels)}<figcaption>${answers.map(escaped).join("<br>")}</figcaption></figure>`)
      .join("");
  }
  stage.listen(stage.find(".clear"), "click", wipe);
  stage.listen(stage.find(".another"), "click", () => {
    ask();
    if (!answers || isExample) return stage.say("The pad is empty. Draw a digit first.");
    const tried = { pixels: [...frame], answers: names.map((name, index) => `${name}: ${inWords(answers[index])}`) };
    model.set("kept", { ...model.get("kept"), digits: [tried, ...(model.get("kept").digits ?? [])].slice(0, MOST) });
    model.save_changes();
    way.textContent = `Once more, the same digit: ${WAYS[ways++ % WAYS.length]}.`;
    clear();
    showEarlier();
    stage.say("Kept. Draw it again.");
  });

  model.on("change:kept", showEarlier);
  if (example) drawExample();
  showCursor();
  showEarlier();

  function drawExample() {
    const digit = inkCanvas(28);
    const image = digit.createImageData(28, 28);
    for (let index = 0; index < 784; index++) image.data[4 * index + 3] = example.getUint8(index);
    digit.putImageData(image, 0, 0);
    ink.drawImage(digit.canvas, 0, 0, FINE, FINE);
    isExample = true;
    way.textContent = "An example. Draw your own digit over it.";
  }
  return () => {
    model.off("change:kept", showEarlier);
    stage.close();
  };
}

function inkCanvas(side) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.canvas.width = context.canvas.height = side;
  return Object.assign(context, { lineCap: "round", imageSmoothingQuality: "high" });
}

export default { render };
