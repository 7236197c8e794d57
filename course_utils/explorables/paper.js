// Paper to draw on: with mouse, pen or finger, or with a pen that keys move.

export const SIDE = 112; // pixels a side that the ink is read in
const FINE = 560; // pixels a side that are drawn, enough for a dense screen
const STEP = FINE / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export const HELP =
  "Drawing pad. Draw a digit with mouse, pen or finger. With the keyboard: the arrow keys move the pen, " +
  "Space puts it down or lifts it, Escape or Delete clears the pad.";
export const PAPER_STYLE = `
.paper { position: relative; aspect-ratio: 1 }
.paper canvas { width: 100%; height: 100%; border: 1.5px solid var(--line); border-radius: 8px; cursor: crosshair;
  user-select: none; -webkit-user-select: none }
.paper div { display: none; position: absolute; aspect-ratio: 1; border-radius: 50%; border: 3px solid var(--two);
  transform: translate(-50%, -50%); pointer-events: none }
.paper div.down { background: var(--two) }
.paper canvas:focus-visible + div { display: block }
`;

/**
 * Make the canvas in `sheet` a paper. `pen()` is the pen's width in 28ths of the paper; `onInk()` is called before a
 * frame that shows new ink or `settle()`, `onRest(words)` when the pen is put down, lifted, or moved by keys.
 */
export function openPaper(stage, sheet, { pen, onInk, onRest }) {
  const [page, cursor] = sheet.children;
  const ink = inkCanvas(FINE);
  const small = inkCanvas(SIDE);
  let isExample = false; // what is there goes with the first stroke
  let stale = true;

  function settle() {
    if (stale) onInk();
    stale = false;
  }
  function rest(words) {
    settle();
    onRest(words);
  }
  const redraw = stage.paint(page, (context, width, height, colours) => {
    settle();
    context.drawImage(ink.canvas, 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colours.text;
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
  });
  const change = () => ((stale = true), redraw());

  function clear() {
    ink.clearRect(0, 0, FINE, FINE);
    isExample = false;
    change();
  }

  function stroke(from, to) {
    if (isExample) clear();
    ink.lineWidth = pen() * STEP;
    ink.beginPath();
    ink.moveTo(from.x, from.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
    change();
  }

  let last = null; // where mouse, pen or finger was
  stage.drag(page, ({ x, y, kind }) => {
    const next = { x: (x * FINE) / page.clientWidth, y: (y * FINE) / page.clientHeight };
    if (kind === "end") return rest("");
    stroke(kind === "start" ? next : last, next);
    last = next;
  });

  let at = { x: FINE / 2, y: FINE / 4 }; // where the keyboard's pen is
  let down = false;
  const held = new Set(); // two arrow keys at once go askew
  function showCursor() {
    cursor.style.left = `${(100 * at.x) / FINE}%`;
    cursor.style.top = `${(100 * at.y) / FINE}%`;
    cursor.style.width = `${(100 * (pen() + 1)) / 28}%`;
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
    const place = `${Math.round(at.x / STEP)} of 28 from the left, ${Math.round(at.y / STEP)} from the top`;
    rest(down ? "Pen down. " : `Pen up, ${place}. `);
  }
  function lift() {
    down = !down;
    if (down) stroke(at, at);
    rest(`Pen ${down ? "down" : "up"}. `);
  }
  function wipe() {
    down = false;
    clear();
    rest("");
  }
  stage.key(page, { " ": (event) => event.repeat || lift(), Escape: wipe, Delete: wipe, Backspace: wipe });
  stage.arrows(page, (x, y, event) => (held.add(event.key), move()));
  stage.listen(page, "keydown", showCursor);
  stage.listen(page, "keyup", (event) => held.delete(event.key));
  stage.listen(page, "blur", () => (held.clear(), (down = false), showCursor()));
  stage.listen(page, "focus", showCursor);

  return {
    clear,
    wipe,
    settle,
    isExample: () => isExample,
    /** The ink, 112×112, from 0 for paper to 255. */
    read() {
      small.clearRect(0, 0, SIDE, SIDE);
      small.drawImage(ink.canvas, 0, 0, SIDE, SIDE);
      const { data } = small.getImageData(0, 0, SIDE, SIDE);
      return Uint8Array.from({ length: SIDE * SIDE }, (_, index) => data[4 * index + 3]);
    },
    /** Show a digit {28×28 bytes} until the first stroke. */
    showExample(pixels) {
      const digit = inkCanvas(28);
      const image = digit.createImageData(28, 28);
      for (let index = 0; index < 784; index++) image.data[4 * index + 3] = pixels.getUint8(index);
      digit.putImageData(image, 0, 0);
      ink.drawImage(digit.canvas, 0, 0, FINE, FINE);
      isExample = true;
      change();
    },
  };
}

function inkCanvas(side) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.canvas.width = context.canvas.height = side;
  return Object.assign(context, { lineCap: "round", imageSmoothingQuality: "high" });
}
