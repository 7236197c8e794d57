// A ball on a loss: a line through a few points has one weight, then two; the ball rolls by the rule of SGD.
// given: {points, rate, momentum}; kept: {}.
import { lossAt, slopeAt, step, valley } from "./descent.js";
import { drawContours, drawCurve, drawFit, drawSlope, spot } from "./hill.js";
import { arrow, dot, drawAxes, drawLine, inside, scale } from "./plane.js";
import { format, openStage, still } from "./stage.js";

const SECONDS = 0.16; // that a step takes where it is seen
const BEYOND = 50; // times the height of the picture, and the ball is lost

const STYLE = `
.ball-panes { display: grid; grid-template-columns: 3fr 2fr; gap: 10px }
.ball-panes canvas { width: 100%; height: 330px }
.ball-hill { cursor: grab }
.ball .ex-row { margin: 8px 0 }
.ball .ex-said { min-height: 2.9em }
@container (max-width: 600px) {
  .ball-panes { grid-template-columns: 1fr }
  .ball-panes canvas { height: 290px }
  .ball-panes .ball-fit { height: 190px }
}`;

const MARKUP = `<div class="ball">
  <div class="ex-row" role="group" aria-label="How many weights">
    <button data-weights="1">one weight</button><button data-weights="2">two weights</button>
  </div>
  <div class="ball-panes">
    <canvas class="ball-hill" tabindex="0" role="application"
      aria-label="The loss, and a ball on it. Drag the ball, or move it with the arrow keys; Enter takes a step."></canvas>
    <canvas class="ball-fit" role="img" aria-label="The points, and the line that the weights make"></canvas>
  </div>
  <div class="sliders"></div>
  <div class="ex-row">
    <button class="step">Step</button><button class="run">Run</button><button class="again">Start again</button>
  </div>
  <p class="ex-said"></p></div>`;

function render({ model, el }) {
  const { points, rate: firstRate = 0.05, momentum: firstMomentum = 0 } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const [hill, runButton] = [stage.find(".ball-hill"), stage.find(".run")];
  const choices = stage.root.querySelectorAll("[data-weights]");
  let bowl = null; // the valley: where it is lowest, how it curves
  let ball = null; // {weights, move}
  let path = []; // the weights after each step
  let [before, share] = [null, 1]; // where the ball comes from, and how much of the way it has gone
  let stop = null; // ends a run

  const add = (settings) => stage.slider(stage.find(".sliders"), { ...settings, input: changed });
  const rate = add({ name: "learning rate", min: 0.01, max: 0.6, step: 0.01, value: firstRate });
  const momentum = add({ name: "momentum", min: 0, max: 0.95, step: 0.05, value: firstMomentum });

  const two = () => ball.weights.length === 2;
  const reach = () => (two() ? 2.6 : 2.3);
  const top = () => 1.1 * lossAt([bowl.best[0] - reach()], points);
  const ranges = () => bowl.best.map((weight) => [weight - reach(), weight + reach()]);
  const at = () => scale(hill.clientWidth, hill.clientHeight, ranges()[0], ranges()[1] ?? [-0.08 * top(), top()]);
  const diverges = () => !(lossAt(ball.weights, points) < BEYOND * top());
  const next = () => step(ball, points, rate.value, momentum.value);

  const drawHill = stage.paint(hill, (context, width, height, colours) => {
    const place = at();
    const pixel = (weights) => spot(place, weights, points);
    const here = share < 1 ? before.map((from, i) => from + share * (ball.weights[i] - from)) : ball.weights;
    drawAxes(context, place, colours, "weight w", two() ? "bias b" : "loss");
    inside(context, place, () => {
      two() ? drawContours(context, place, colours, points, bowl) : drawCurve(context, place, colours, points);
      drawLine(context, path.map(pixel), colours.two, 1.5);
      for (const weights of path) dot(context, pixel(weights), 3, colours.two);
      const ahead = share === 1 && next().weights;
      if (!two()) drawSlope(context, place, colours, points, here, ahead);
      else if (ahead) arrow(context, pixel(here), pixel(ahead), colours.text, 2.5);
      dot(context, pixel(here), 10, colours.two, colours.ground);
    });
  });
  const drawLineFit = stage.paint(stage.find(".ball-fit"), (context, width, height, colours) =>
    drawFit(context, width, height, colours, points, ball.weights),
  );

  function changed() {
    drawHill();
    drawLineFit();
    const steps = `Step ${path.length - 1}`;
    if (diverges()) return stage.say(`${steps}: it diverges, the loss is far beyond the picture. Take a smaller rate, and start again.`);
    const values = ball.weights.map((weight, i) => `${"wb"[i]} = ${format(weight)}`).join(", ");
    stage.say(`${steps}: ${values}, loss ${format(lossAt(ball.weights, points))}, ${rule()}.`);
  }

  /** The slope, and for one weight the next step as it is computed. */
  function rule() {
    const slopes = slopeAt(ball.weights, points).map((slope) => format(slope));
    if (two()) return `slopes ${slopes.join(" and ")}`;
    const kept = momentum.value && ball.move ? ` + ${format(momentum.value)} × (${format(ball.move[0])})` : "";
    const move = format(next().weights[0] - ball.weights[0]);
    return `slope ${slopes[0]}. The next step: −${format(rate.value)} × (${slopes[0]}${kept}) = ${move}`;
  }

  function put(weights) {
    halt();
    ball = { weights, move: null };
    path = [weights];
    changed();
  }

  /** Take a step. Whether there is anything left to go. */
  function take() {
    before = ball.weights;
    ball = next();
    path.push(ball.weights);
    changed();
    const length = Math.hypot(...ball.weights.map((weight, i) => weight - before[i]));
    return !diverges() && length > 1e-3 && path.length < 500;
  }

  function halt() {
    stop?.();
    [stop, share] = [null, 1];
    runButton.textContent = "Run";
  }

  function run() {
    if (stop) {
      halt();
      changed();
    } else if (still()) {
      for (let i = 0; i < 100 && take(); i++);
    } else {
      runButton.textContent = "Pause";
      stop = stage.animate((seconds) => {
        share = Math.min(1, share + seconds / SECONDS);
        if (share === 1) {
          if (!take()) halt();
          else share = 0;
        }
        drawHill();
        return stop !== null;
      });
    }
  }

  function begin(weights) {
    bowl = valley(points, weights === 2);
    for (const button of choices) button.setAttribute("aria-pressed", +button.dataset.weights === weights);
    put(weights === 2 ? [bowl.best[0] - 1.9, bowl.best[1] + 1.2] : [bowl.best[0] - 1.8]);
  }

  const within = (weights) => weights.map((weight, i) => Math.min(Math.max(weight, ranges()[i][0]), ranges()[i][1]));
  const stepOnce = () => {
    halt();
    take();
  };
  stage.drag(hill, ({ x, y }) => put(within([at().x(x), at().y(y)].slice(0, ball.weights.length))));
  stage.arrows(hill, (x, y) => put(within(ball.weights.map((weight, i) => weight + (i ? -y : x) / 20))));
  stage.key(hill, { Enter: stepOnce, Escape: () => begin(ball.weights.length) });
  for (const button of choices) stage.listen(button, "click", () => begin(+button.dataset.weights));
  stage.listen(stage.find(".step"), "click", stepOnce);
  stage.listen(runButton, "click", run);
  stage.listen(stage.find(".again"), "click", () => begin(ball.weights.length));
  begin(1);
  return stage.close;
}

export default { render };
