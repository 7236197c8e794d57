// A hidden layer of ReLUs as it learns: its creases on the plane, and where the points lie for the layer behind it.
import { answer, hiddenOf, learn, sigmoid, slopes, start } from "./layer.js";
import { dot, drawAxes, drawLine, drawPoints, inside, label, scale, shade } from "./plane.js";
import { format, openStage, still } from "./stage.js";

const STYLE = `
.fold .planes { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 14px; margin: 8px 0 }
.fold figure { margin: 0; min-width: 0 }
.fold figcaption { min-height: 2.9em }
[hidden] { display: none !important }
.fold canvas { width: 100%; aspect-ratio: 1 / 1 }
@container (max-width: 560px) { .fold .planes { grid-template-columns: 1fr } .fold figcaption { min-height: 0 } }`;

const MARKUP = `<div class="fold"><div class="ex-row"><label>points: <select class="set"></select></label></div>
  <div class="neurons"></div>
  <div class="ex-row"><button class="step">Step</button><button class="run">Train</button><button class="again">New start</button></div>
  <div class="planes"><figure><figcaption>The plane: each dashed line is a neuron's crease. On its marked side the neuron grows.</figcaption>
  <canvas class="plane" role="img" aria-label="The plane, its points, the creases and the border"></canvas></figure>
  <figure><figcaption class="caption"></figcaption>
  <canvas class="hidden" role="img" aria-label="The points moved to the values of two hidden neurons"></canvas></figure></div>
  <div class="folding"></div><div class="ex-row axes"><label>across: <select class="across"></select></label>
  <label>up: <select class="up"></select></label></div><p class="ex-said"></p></div>`;

function render({ model, el }) {
  const { sets, neurons: firstNeurons = 2 } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const [plane, hidden] = [stage.find(".plane"), stage.find(".hidden")];
  const [across, up, chooser] = [stage.find(".across"), stage.find(".up"), stage.find(".set")];
  let [network, seed, stop, points, labels] = [null, 0, null, [], []];

  const fill = (select, names) => select.replaceChildren(...names.map((name, index) => new Option(name, index)));
  fill(chooser, Object.keys(sets));
  const slider = stage.slider(stage.find(".neurons"), {
    name: "hidden neurons",
    min: 1,
    max: 12,
    step: 1,
    value: firstNeurons,
    show: String,
    input: begin,
  });
  const folding = stage.slider(stage.find(".folding"), {
    name: "fold",
    min: 0,
    max: 1,
    step: 0.01,
    value: 1,
    show: (share) => `${Math.round(100 * share)} %`,
    input: () => drawHidden(),
  });

  const reach = () => 1.12 * Math.max(...points.flat().map(Math.abs));
  const isWrong = (index) => answer(network, points[index]) > 0 !== Boolean(labels[index]);

  const drawPlane = stage.paint(plane, (context, width, height, colours) => {
    const place = scale(width, height, [-reach(), reach()], [-reach(), reach()]);
    shade(context, place, colours, (x, y) => sigmoid(answer(network, [x, y])));
    inside(context, place, () => {
      drawPoints(context, place, colours, points, labels, isWrong);
      for (let i = 0; i < network.neurons; i++) drawCrease(context, place, colours, i);
    });
    drawAxes(context, place, colours, "x₁", "x₂");
  });

  /** Where a neuron's sum is 0, dashed, with its number on the side on which it grows. */
  function drawCrease(context, place, colours, i) {
    const [a, b, c] = network.values.slice(3 * i, 3 * i + 3);
    const size = Math.hypot(a, b) || 1e-9;
    const [x, y] = [(-c * a) / size ** 2, (-c * b) / size ** 2];
    const ends = [-1, 1].map((sign) => [
      place.X(x - (sign * 3 * reach() * b) / size),
      place.Y(y + (sign * 3 * reach() * a) / size),
    ]);
    context.setLineDash([6, 4]);
    drawLine(context, ends, colours.text, 1.6);
    context.setLineDash([]);
    const mark = (far) => [place.X(x + (far * reach() * a) / size), place.Y(y + (far * reach() * b) / size)];
    drawLine(context, [mark(0), mark(0.07)], colours.text, 3);
    label(context, String(i + 1), mark(0.14), colours);
  }

  const drawHidden = stage.paint(hidden, (context, width, height, colours) => {
    const [i, j, share] = [+across.value, +up.value, folding.value];
    const single = network.neurons === 1;
    const moved = (point) => {
      const h = hiddenOf(network, point);
      const [right, high] = single ? [h[0], 0.15 * point[1]] : [h[i], h[j]];
      return [point[0] + share * (right - point[0]), point[1] + share * (high - point[1])];
    };
    const places = points.map(moved);
    const largest = Math.max(1, ...places.flat()) * 1.1;
    const low = Math.min(0, ...places.flat()) * 1.1 - 0.12 * largest;
    const place = scale(width, height, [low, largest], [low, largest]);
    const pixel = (point) => [place.X(point[0]), place.Y(point[1])];
    inside(context, place, () => {
      const steps = [...Array(41)].map((_, k) => (k / 20 - 1) * reach());
      context.globalAlpha = 0.7;
      for (const fixed of steps.filter((_, k) => k % 4 === 0)) {
        drawLine(
          context,
          steps.map((other) => pixel(moved([fixed, other]))),
          colours.line,
          1,
        );
        drawLine(
          context,
          steps.map((other) => pixel(moved([other, fixed]))),
          colours.line,
          1,
        );
      }
      context.globalAlpha = 1;
      if (network.neurons === 2 && share === 1) drawCut(context, place, colours, i, j);
      drawPoints(context, place, colours, places, labels, isWrong);
      for (const [x, y] of single ? [] : [[0, 0]]) if (share === 1) dot(context, [place.X(x), place.Y(y)], 2, colours.text);
    });
    drawAxes(context, place, colours, share < 1 ? "" : `h${index(i)}`, share < 1 || single ? "" : `h${index(j)}`);
  });

  /** Behind two neurons the border is a straight line: v · h + c = 0. */
  function drawCut(context, place, colours, i, j) {
    const [v, w, c] = [network.values[6 + i], network.values[6 + j], network.values[8]];
    const size = v * v + w * w || 1e-9;
    const ends = [-1, 1].map((sign) => [
      place.X((-c * v) / size - sign * 99 * w),
      place.Y((-c * w) / size + sign * 99 * v),
    ]);
    if (i !== j) drawLine(context, ends, colours.text, 3);
  }

  function show() {
    const { loss } = slopes(network, points, labels);
    const right = points.filter((_, index) => !isWrong(index)).length / points.length;
    const text = {
      1: "For the output there is one number left: all points on a line.",
      2: "For the output the points lie here, and one straight cut is enough.",
    };
    stage.find(".caption").textContent =
      text[network.neurons] ?? "Two of the hidden neurons, of your choice. The output sees all of them.";
    stage.say(`Step ${network.steps}: loss ${format(loss, 3)}, ${format(100 * right, 1)} % of the points right.`);
    drawPlane();
    drawHidden();
  }

  function take(steps) {
    for (let i = 0; i < steps; i++) network = learn(network, points, labels);
    show();
  }

  function halt() {
    stop?.();
    [stop, stage.find(".run").textContent] = [null, "Train"];
  }

  function run() {
    if (stop) return halt();
    if (still()) return take(300);
    stage.find(".run").textContent = "Pause";
    const end = network.steps + 1000;
    stop = stage.animate(() => {
      take(2);
      if (network.steps >= end) return (halt(), false);
    });
  }

  function begin() {
    halt();
    ({ points, labels } = Object.values(sets)[chooser.value]);
    network = start(slider.value, seed);
    const names = Array.from({ length: network.neurons }, (_, i) => `h${index(i)}`);
    [across, up].forEach((select, second) => {
      fill(select, names);
      select.value = Math.min(second, names.length - 1);
    });
    stage.find(".axes").hidden = network.neurons < 3;
    show();
  }

  stage.listen(chooser, "change", begin);
  for (const select of [across, up]) stage.listen(select, "change", () => drawHidden());
  stage.listen(stage.find(".step"), "click", () => (halt(), take(1)));
  stage.listen(stage.find(".run"), "click", run);
  stage.listen(stage.find(".again"), "click", () => ((seed += 1), begin()));
  begin();
  return stage.close;
}

const index = (i) => String(i + 1).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

export default { render };
