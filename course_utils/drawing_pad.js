const SIDE = 112; // pixels a side that the kernel gets
const FINE = 560; // pixels a side that are drawn, enough for a dense screen
const STEP = FINE / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const HELP =
  "Drawing pad. Draw a digit with mouse, pen or finger. With the keyboard: the arrow keys move the pen, " +
  "Space puts it down or lifts it, Escape or Delete clears the pad.";

const STYLE = `
.drawing-pad { width: 296px; max-width: 100%; box-sizing: border-box; padding: 8px }
.drawing-pad-page { position: relative; aspect-ratio: 1 }
.drawing-pad canvas { width: 100%; height: 100%; display: block; background: white; box-shadow: 0 0 0 1px #888888;
  cursor: crosshair; touch-action: none; user-select: none }
.drawing-pad canvas:focus { outline: none }
.drawing-pad canvas:focus-visible { outline: 3px solid #0072B2; outline-offset: 3px }
.drawing-pad-pen { display: none; position: absolute; box-sizing: border-box; aspect-ratio: 1; border-radius: 50%;
  border: 3px solid #D55E00; transform: translate(-50%, -50%); pointer-events: none }
.drawing-pad-pen.down { background: #D55E00 }
.drawing-pad canvas:focus-visible + .drawing-pad-pen { display: block }
.drawing-pad p { margin: 12px 0 0; min-height: 3em; line-height: 1.5 }
`;

function render({ model, el }) {
  el.innerHTML = `<style>${STYLE}</style>
    <div class="drawing-pad">
      <div class="drawing-pad-page">
        <canvas width="${FINE}" height="${FINE}" tabindex="0" role="application"
          aria-label="${HELP}" data-lm-suppress-shortcuts="true"></canvas>
        <div class="drawing-pad-pen"></div>
      </div>
      <p role="status" aria-live="polite"></p>
    </div>`;
  const canvas = el.querySelector("canvas");
  const cursor = el.querySelector(".drawing-pad-pen");
  const status = el.querySelector("p");
  const page = canvas.getContext("2d");
  const small = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  small.canvas.width = small.canvas.height = SIDE;
  small.imageSmoothingQuality = "high";

  let sent = null;
  let timer = null;
  function send() {
    timer ??= setTimeout(() => {
      timer = null;
      small.clearRect(0, 0, SIDE, SIDE);
      small.drawImage(page.canvas, 0, 0, SIDE, SIDE);
      const { data } = small.getImageData(0, 0, SIDE, SIDE);
      sent = new DataView(Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 3]).buffer);
      model.set("pixels", sent);
      model.save_changes();
    }, 50);
  }

  function showPixels() {
    const pixels = model.get("pixels");
    if (pixels === sent) return;
    clearTimeout(timer);
    timer = null;
    const image = small.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) image.data[4 * i + 3] = pixels.getUint8(i);
    small.putImageData(image, 0, 0);
    page.clearRect(0, 0, FINE, FINE);
    page.drawImage(small.canvas, 0, 0, FINE, FINE);
  }

  function clear() {
    page.clearRect(0, 0, FINE, FINE);
    send();
  }

  function stroke(from, to) {
    page.lineWidth = model.get("pen") * STEP;
    page.lineCap = "round";
    page.beginPath();
    page.moveTo(from.x, from.y);
    page.lineTo(to.x, to.y);
    page.stroke();
    send();
  }

  let last = null; // where the mouse, pen or finger is, while it is down
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * FINE, y: ((event.clientY - box.top) / box.height) * FINE };
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || !event.isPrimary) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(part);
      stroke(last, next);
      last = next;
    }
  });
  canvas.addEventListener("lostpointercapture", () => (last = null));

  let pen = { x: FINE / 2, y: FINE / 4 }; // where the keyboard's pen is
  let down = false;
  const held = new Set();
  function showCursor() {
    cursor.style.left = `${(100 * pen.x) / FINE}%`;
    cursor.style.top = `${(100 * pen.y) / FINE}%`;
    cursor.style.width = `${(100 * (model.get("pen") + 1)) / 28}%`;
    cursor.classList.toggle("down", down);
  }
  function move() {
    const inside = (value) => Math.min(Math.max(value, 0), FINE);
    const next = { ...pen };
    for (const key of held) {
      next.x = inside(next.x + ARROWS[key][0] * STEP);
      next.y = inside(next.y + ARROWS[key][1] * STEP);
    }
    if (down) stroke(pen, next);
    pen = next;
  }
  function lift(isDown) {
    down = isDown;
    status.textContent = down ? "Pen down" : "Pen up";
    if (down) stroke(pen, pen);
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      held.add(event.key);
      move();
    } else if (event.key === " ") {
      if (!event.repeat) lift(!down);
    } else if (["Escape", "Delete", "Backspace"].includes(event.key)) {
      down = false;
      clear();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    showCursor();
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));
  canvas.addEventListener("blur", () => {
    held.clear();
    down = false;
    showCursor();
  });

  const showStatus = () => (status.textContent = model.get("status"));
  model.on("change:pixels", showPixels);
  model.on("change:status", showStatus);
  model.on("change:pen", showCursor);
  showPixels();
  showStatus();
  showCursor();
  return () => {
    clearTimeout(timer);
    model.off("change:pixels", showPixels);
    model.off("change:status", showStatus);
    model.off("change:pen", showCursor);
  };
}

export default { render };
