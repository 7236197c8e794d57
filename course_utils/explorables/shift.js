// The shift: a digit dragged about its frame; what two networks make of it, here and in every other place.
// given: {readers: [{name, network}], image: 784 pixels}; kept: {}.

import { ANSWERS_STYLE, drawDigit, inWords, showAnswers } from "./answers.js";
import { read, toDigit } from "./network.js";
import { mix, openStage, rgb } from "./stage.js";

const REACH = 8; // pixels that the digit can be moved, each way
const PLACES = 2 * REACH + 1;

const STYLE = `
.shift { display: flex; flex-wrap: wrap; gap: 14px 28px; align-items: flex-start }
.shift-digit { width: 252px; height: 252px; flex: none; cursor: grab }
.shift-digit:active { cursor: grabbing }
.shift-beside { flex: 1 1 300px; min-width: 0 }
.shift .answers { grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); margin: 0; max-width: 30em }
.shift-maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 4px 22px; margin: 8px 0; max-width: 30em }
.shift-maps canvas { width: min(100%, 170px); aspect-ratio: 1; cursor: crosshair }
.shift-maps figcaption { font-size: 13px; margin-bottom: 4px }
.shift-maps figure { margin: 0 }
`;

function render({ model, el }) {
  const { readers, image } = model.get("given");
  const names = readers.map((reader) => reader.name);
  const pixels = new Uint8Array(image.buffer, image.byteOffset, 784);
  const first = readers.map((reader) => toDigit(read(reader, pixels)));
  const stage = openStage(
    el,
    `<div class="shift">
      <div>
        <canvas class="shift-digit" tabindex="0" role="application"
          aria-label="A digit. Drag it, or move it with the arrow keys; Home puts it back."></canvas>
        <div class="ex-row" style="margin-top: 8px"><button>Put it back</button><span class="where"></span></div>
      </div>
      <div class="shift-beside">
        <div class="answers"></div>
        <div class="shift-maps">${names.map((_, index) => `<figure><figcaption>where it still reads ${first[index]}</figcaption><canvas></canvas></figure>`).join("")}</div>
        <p class="ex-said"></p>
      </div>
    </div>`,
    ANSWERS_STYLE + STYLE,
  );
  const [canvas, where] = [".shift-digit", ".where"].map(stage.find);
  const showAll = showAnswers(stage.find(".answers"), names);
  const known = new Map(); // what all readers answer, by place
  let at = { right: 0, down: 0 };

  function shifted({ right, down }) {
    const moved = new Uint8Array(784);
    for (let y = Math.max(0, down); y < Math.min(28, 28 + down); y++) {
      for (let x = Math.max(0, right); x < Math.min(28, 28 + right); x++) moved[y * 28 + x] = pixels[(y - down) * 28 + x - right];
    }
    return moved;
  }
  function answersAt(place) {
    const key = `${place.right} ${place.down}`;
    if (!known.has(key)) known.set(key, readers.map((reader) => read(reader, shifted(place)))); // prettier-ignore
    return known.get(key);
  }
  const inside = (value) => Math.min(Math.max(value, -REACH), REACH);

  function move(right, down) {
    at = { right: inside(right), down: inside(down) };
    const answers = answersAt(at);
    showAll(answers);
    where.textContent =
      `${Math.abs(at.right)} ${at.right < 0 ? "left" : "right"}, ${Math.abs(at.down)} ${at.down > 0 ? "down" : "up"}`;
    stage.say(`${where.textContent}: ${names.map((name, index) => `${name} reads ${inWords(answers[index])}`).join("; ")}.`);
    redraw();
    redrawMaps.forEach((draw) => draw());
  }

  const redraw = stage.paint(canvas, (context, width, height, colours) => {
    drawDigit(context, shifted(at), 0, 0, width, colours);
    context.strokeStyle = colours.line;
    context.setLineDash([4, 4]);
    const cell = width / 28;
    context.strokeRect((4 + at.right) * cell, (4 + at.down) * cell, 20 * cell, 20 * cell);
    context.setLineDash([]);
  });

  const redrawMaps = [...el.querySelectorAll(".shift-maps canvas")].map((map, index) => {
    const cellOf = () => map.clientWidth / PLACES;
    stage.drag(map, ({ x, y }) => move(Math.floor(x / cellOf()) - REACH, Math.floor(y / cellOf()) - REACH));
    map.setAttribute("role", "img");
    return stage.paint(map, (context, width, height, colours) => {
      const [cell, low, high] = [cellOf(), rgb(colours.ground), rgb(colours.one)];
      context.fillStyle = colours.faint;
      context.fillRect(0, 0, width, height);
      let right = 0;
      for (const [key, answers] of known) {
        const [x, y] = key.split(" ").map((step) => (+step + REACH) * cell);
        const answer = answers[index];
        const reads = toDigit(answer) === first[index];
        right += reads;
        const share = answer.length === 1 ? +reads : answer[first[index]];
        context.fillStyle = `rgb(${mix(low, high, 0.08 + 0.92 * share)})`;
        context.fillRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
        if (reads) continue;
        context.strokeStyle = colours.text; // a cross: told by more than its colour
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(x + cell * 0.35, y + cell * 0.35);
        context.lineTo(x + cell * 0.65, y + cell * 0.65);
        context.moveTo(x + cell * 0.65, y + cell * 0.35);
        context.lineTo(x + cell * 0.35, y + cell * 0.65);
        context.stroke();
      }
      context.strokeStyle = colours.two;
      context.lineWidth = 2.5;
      context.strokeRect((at.right + REACH) * cell, (at.down + REACH) * cell, cell, cell);
      map.setAttribute("aria-label", `${names[index]} reads ${first[index]} in ${right} of ${known.size} places tried`);
    });
  });

  let grip = null; // where the digit was, and where it was taken
  stage.drag(canvas, ({ x, y, kind }) => {
    if (kind === "start") grip = { x, y, ...at };
    const cell = canvas.clientWidth / 28;
    if (kind === "move") move(grip.right + Math.round((x - grip.x) / cell), grip.down + Math.round((y - grip.y) / cell));
  });
  stage.arrows(canvas, (x, y) => move(at.right + x, at.down + y));
  stage.key(canvas, { Home: () => move(0, 0) });
  stage.listen(stage.find("button"), "click", () => move(0, 0));
  move(0, 0);

  const rest = Array.from({ length: PLACES ** 2 }, (_, index) => ({
    right: (index % PLACES) - REACH, down: Math.floor(index / PLACES) - REACH,
  })).sort((one, other) => Math.hypot(one.right, one.down) - Math.hypot(other.right, other.down)); // prettier-ignore
  stage.animate(() => {
    const started = performance.now();
    while (rest.length && performance.now() - started < 8) answersAt(rest.shift());
    redrawMaps.forEach((draw) => draw());
    return rest.length > 0;
  });
  return stage.close;
}

export default { render };
