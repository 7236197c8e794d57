// A neuron with two inputs: its border on the plane, dragged and turned, and what its answers are worth.
import { arrow, dot, drawAxes, drawLine, drawPoints, inside, label, scale, shade } from "./plane.js";
import { format, openStage, percent } from "./stage.js";

export const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** The share of points on the right side of w · x + b = 0, and the mean cross entropy of the neuron's answers. */
export function score([w1, w2, b], points, labels) {
  let [right, loss] = [0, 0];
  points.forEach(([x, y], index) => {
    const z = w1 * x + w2 * y + b;
    right += z > 0 === Boolean(labels[index]);
    loss += Math.max(z, 0) - z * labels[index] + Math.log1p(Math.exp(-Math.abs(z)));
  });
  return { right: right / points.length, loss: loss / points.length };
}

const STYLE = `
.border { display: grid; grid-template-columns: minmax(0, 26rem) minmax(14rem, 1fr); gap: 6px 18px; align-items: center }
.border canvas { width: 100%; aspect-ratio: 1 / 1; cursor: grab }
.border .formula { font-size: 1.1em; font-variant-numeric: tabular-nums }
.border .scores { display: grid; grid-template-columns: auto auto; justify-content: start; gap: 2px 14px; margin: 10px 0 }
.border .scores b { font-variant-numeric: tabular-nums; text-align: right }
.border .bar { grid-column: 1 / -1; height: 12px; width: min(100%, 18rem); border: 1px solid var(--line); position: relative }
.border .bar i { position: absolute; inset: 0 auto 0 0; background: var(--one) }
.border .bar u { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--text) }
@container (max-width: 560px) { .border { grid-template-columns: 1fr } }`;

const MARKUP = `<div class="border">
  <canvas tabindex="0" role="application" aria-label="The plane, its points, and the neuron's border. Drag the border to move it and the
  tip of its arrow to turn it. Left and right turn it, up and down move it, plus and minus make it steeper."></canvas>
  <div><p>Drag the border, or the tip of its arrow <b>w</b>.</p><p class="formula"></p><div class="sliders"></div>
  <div class="scores"><span>on the right side</span><b class="right"></b><div class="bar"><i></i><u></u></div>
  <span>best so far</span><b class="best"></b><span>cross entropy</span><b class="loss"></b></div>
  <p>● class 0 &nbsp; ■ class 1 &nbsp; a dark rim: on the wrong side</p>
  <div class="ex-row"><button class="again">Start again</button></div></div><p class="ex-said ex-hidden"></p></div>`;

const LIMIT = 6; // of each weight and the bias
const ARROW = 0.35; // units on the plane for a weight of 1

function render({ model, el }) {
  const { points, labels, weights: first = [1, 2, 0.5] } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const canvas = stage.find("canvas");
  const reach = 1.12 * Math.max(...points.flat().map(Math.abs));
  let [neuron, best, held] = [[...first], 0, null];

  const at = () => scale(canvas.clientWidth, canvas.clientHeight, [-reach, reach], [-reach, reach]);
  const limited = (value) => Math.min(Math.max(value, -LIMIT), LIMIT);
  const sum = ([x, y]) => neuron[0] * x + neuron[1] * y + neuron[2];
  const length = () => Math.hypot(neuron[0], neuron[1]) || 1e-9;

  /** The border's place that is nearest to the middle, where its arrow stands. */
  const foot = () => [0, 1].map((axis) => (-neuron[2] * neuron[axis]) / length() ** 2);
  const tip = () => foot().map((value, axis) => value + ARROW * neuron[axis]);

  const draw = stage.paint(canvas, (context, width, height, colours) => {
    const place = at();
    const pixel = ([x, y]) => [place.X(x), place.Y(y)];
    const [w1, w2, b] = neuron;
    shade(context, place, colours, (x, y) => sigmoid(w1 * x + w2 * y + b));
    inside(context, place, () => {
      drawPoints(context, place, colours, points, labels, (index) => sum(points[index]) > 0 !== Boolean(labels[index]));
      const along = [-w2 / length(), w1 / length()].map((part) => part * 3 * reach);
      drawLine(
        context,
        [-1, 1].map((sign) => pixel(foot().map((value, i) => value + sign * along[i]))),
        colours.ground,
        6,
      );
      drawLine(
        context,
        [-1, 1].map((sign) => pixel(foot().map((value, i) => value + sign * along[i]))),
        colours.text,
        3,
      );
      arrow(context, pixel(foot()), pixel(tip()), colours.text, 3);
      dot(context, pixel(foot()), 7, colours.ground, colours.text);
      dot(context, pixel(tip()), 7, colours.ground, colours.text);
      const beside = tip().map((value, i) => value + (0.3 * neuron[i]) / length());
      label(context, "w", pixel(beside), colours);
    });
    drawAxes(context, place, colours, "x₁", "x₂");
  });

  const sliders = ["weight w₁", "weight w₂", "bias b"].map((name, index) =>
    stage.slider(stage.find(".sliders"), {
      name, min: -LIMIT, max: LIMIT, step: 0.05, value: neuron[index],
      input: (value) => set(neuron.map((old, place) => (place === index ? value : old))),
    }),
  ); // prettier-ignore

  function set(weights) {
    neuron = weights.map(limited);
    sliders.forEach((slider, index) => slider.set(neuron[index]));
    const { right, loss } = score(neuron, points, labels);
    best = Math.max(best, right);
    const [w1, w2, b] = neuron.map((value) => format(value));
    const text = `σ(${w1} x₁ + ${w2} x₂ + ${b})`.replaceAll("+ −", "− ");
    const shown = { ".formula": text, ".right": exact(right), ".best": exact(best), ".loss": format(loss) };
    for (const [selector, words] of Object.entries(shown)) stage.find(selector).textContent = words;
    stage.find(".bar i").style.width = `${100 * right}%`;
    stage.find(".bar u").style.left = `${100 * best}%`;
    const hidden = foot().some((value) => Math.abs(value) > reach) ? " The border is out of sight." : "";
    stage.say(`${text}: ${exact(right)} on the right side, cross entropy ${format(loss)}.${hidden}`);
    draw();
  }

  const exact = (share) => `${format(100 * share, 1)} %`;
  const through = ([w1, w2], [x, y]) => set([w1, w2, -(limited(w1) * x + limited(w2) * y)]);

  stage.drag(canvas, ({ x, y, kind }) => {
    const here = [at().x(x), at().y(y)];
    if (kind === "start") {
      const near = Math.hypot(at().X(tip()[0]) - x, at().Y(tip()[1]) - y) < 24;
      held = near ? { turn: true, foot: foot() } : { by: sum(here) };
    } else if (kind === "end") held = null;
    if (held?.turn) {
      const [w1, w2] = here.map((value, axis) => (value - held.foot[axis]) / ARROW);
      if (Math.hypot(w1, w2) > 0.1) through([w1, w2], held.foot);
    } else if (held && kind === "move") {
      set([neuron[0], neuron[1], neuron[2] + held.by - sum(here)]);
    }
  });
  stage.arrows(canvas, (x, y) => {
    if (y) return set([neuron[0], neuron[1], neuron[2] + (y * length()) / 20]);
    const [angle, size, stay] = [Math.atan2(neuron[1], neuron[0]) - x / 20, length(), foot()];
    const weights = [size * Math.cos(angle), size * Math.sin(angle)];
    set([...weights, neuron[2]]);
    return stay;
  });
  const steeper = (factor) => () => length() * factor < LIMIT && set(neuron.map((value) => value * factor));
  stage.key(canvas, { "+": steeper(1.1), "=": steeper(1.1), "-": steeper(1 / 1.1), Escape: () => set(first) });
  stage.listen(stage.find(".again"), "click", () => set(first));
  set(neuron);
  return stage.close;
}

export default { render };
