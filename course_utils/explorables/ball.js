// A ball on a loss: a line through a few points has one weight, then two; the ball rolls by the rule of SGD.
import { lossAt, slopeAt, step, valley } from "./descent.js";
import { arrow, dot, drawAxes, drawLine, inside, label, scale } from "./plane.js";
import { format, openStage, still } from "./stage.js";

const STYLE = `
.panes { display: grid; grid-template-columns: 3fr 2fr; gap: 10px }
.panes canvas { width: 100%; height: 330px; cursor: grab }
.panes canvas + canvas { cursor: default }
.ball .ex-row { margin: 8px 0 }
@container (max-width: 600px) { .panes { grid-template-columns: 1fr } .panes canvas + canvas { height: 190px } .panes canvas { height: 290px } }`;

const MARKUP = `<div class="ball"><div class="ex-row" role="group" aria-label="What is learned">
  <button data-weights="1">one weight</button><button data-weights="2">two weights</button></div>
  <div class="panes"><canvas tabindex="0" role="application" aria-label="The loss, and a ball on it. Drag the ball, or move it with
  the arrow keys; Enter takes a step."></canvas><canvas role="img" aria-label="The points, and the line that the weights make"></canvas></div>
  <div class="sliders"></div><div class="ex-row"><button class="step">Step</button><button class="run">Run</button>
  <button class="again">Start again</button></div><p class="ex-said"></p></div>`;

function render({ model, el }) {
  const { points, rate: firstRate = 0.05, momentum: firstMomentum = 0 } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const [hill, picture] = stage.root.querySelectorAll("canvas");
  const [runButton, choices] = [stage.find(".run"), stage.root.querySelectorAll("[data-weights]")];
  let [ball, path, bowl, stop, before, share] = [null, [], null, null, null, 1];

  const rate = stage.slider(stage.find(".sliders"), { name: "learning rate", min: 0.01, max: 0.6, step: 0.01, value: firstRate, input: changed });
  const momentum = stage.slider(stage.find(".sliders"), { name: "momentum", min: 0, max: 0.95, step: 0.05, value: firstMomentum, input: changed });

  const reach = () => (ball.weights.length === 2 ? 2.6 : 2.3);
  const top = () => 1.1 * lossAt([bowl.best[0] - reach()], points);
  const ranges = () => bowl.best.map((weight) => [weight - reach(), weight + reach()]);
  const at = () => scale(hill.clientWidth, hill.clientHeight, ranges()[0], ranges()[1] ?? [-0.06 * top(), top()]);
  const inView = (weights) => weights.every((weight, index) => Math.abs(weight - bowl.best[index]) <= reach());
  const diverges = () => !(lossAt(ball.weights, points) < 50 * top());

  const drawHill = stage.paint(hill, (context, width, height, colours) => {
    const place = at();
    const two = ball.weights.length === 2;
    drawAxes(context, place, colours, "weight w", two ? "bias b" : "loss");
    inside(context, place, () => {
      if (two) drawContours(context, place, colours);
      else drawLine(context, [...Array(121)].map((_, i) => place.xs[0] + (i / 120) * 2 * reach()).map((w) => spot(place, [w])), colours.one, 2.5);
      drawLine(context, path.map((weights) => spot(place, weights)), colours.two, 1.5);
      for (const weights of path) dot(context, spot(place, weights), 3, colours.two);
      const here = before && share < 1 ? ball.weights.map((weight, i) => before[i] + share * (weight - before[i])) : ball.weights;
      const next = step(ball, points, rate.value, momentum.value).weights;
      if (!two) drawTangent(context, place, here, colours);
      if (share === 1) arrow(context, spot(place, here), two ? spot(place, next) : [place.X(next[0]), spot(place, here)[1]], colours.text, 2);
      dot(context, spot(place, here), 10, colours.two, colours.ground);
    });
  });

  /** Where weights stand: on the curve for one, on the plane for two; in pixels. */
  const spot = (place, weights) => [place.X(weights[0]), place.Y(weights.length === 2 ? weights[1] : lossAt(weights, points))];

  function drawContours(context, place, colours) {
    const low = lossAt(bowl.best, points);
    for (const level of [24, 12, 6, 3, 1.5, 0.7, 0.3, 0.1, 0.02]) {
      const [long, wide] = bowl.curves.map((curve) => Math.sqrt((2 * level) / curve));
      context.beginPath();
      context.ellipse(...spot(place, bowl.best), (long / (2 * reach())) * place.width, (wide / (2 * reach())) * place.height, -bowl.angle, 0, 2 * Math.PI);
      Object.assign(context, { fillStyle: colours.one, strokeStyle: colours.one, globalAlpha: 0.08, lineWidth: 1 });
      context.fill();
      context.globalAlpha = 0.8;
      context.stroke();
      context.globalAlpha = 1;
      const corner = [bowl.best[0] + wide * Math.sin(-bowl.angle), bowl.best[1] + wide * Math.cos(bowl.angle)];
      if (level > 0.2 && inView(corner.map((value) => value + 0.02))) label(context, format(low + level, 1), spot(place, corner), colours);
    }
  }

  function drawTangent(context, place, [w], colours) {
    const [slope, [x, y]] = [slopeAt([w], points)[0], spot(place, [w])];
    const run = 70 / Math.hypot(place.X(1) - place.X(0), (place.Y(1) - place.Y(0)) * slope);
    const end = (sign) => [place.X(w + sign * run), y + (place.Y(1) - place.Y(0)) * slope * sign * run];
    drawLine(context, [end(-1), end(1)], colours.text, 2);
    label(context, `slope ${format(slope)}`, [x + (x > place.X(place.xs[0]) + place.width - 110 ? -60 : 60), Math.max(y - 22, 24)], colours);
  }

  const drawPicture = stage.paint(picture, (context, width, height, colours) => {
    const right = 1.15 * Math.max(...points.map(([x]) => x));
    const place = scale(width, height, [0, right], [Math.min(0, ...points.map(([, y]) => y)) - 0.5, 1.3 * Math.max(...points.map(([, y]) => y))]);
    drawAxes(context, place, colours, "x", "y");
    inside(context, place, () => {
      const [w, b = 0] = ball.weights;
      context.setLineDash([3, 3]);
      for (const [x, y] of points) drawLine(context, [[place.X(x), place.Y(y)], [place.X(x), place.Y(w * x + b)]], colours.text, 1);
      context.setLineDash([]);
      drawLine(context, [0, right].map((x) => [place.X(x), place.Y(w * x + b)]), colours.two, 2.5);
      for (const [x, y] of points) dot(context, [place.X(x), place.Y(y)], 5, colours.one, colours.ground);
    });
  });

  function changed() {
    drawHill();
    drawPicture();
    const [names, slopes] = [["w", "b"], slopeAt(ball.weights, points)];
    const values = ball.weights.map((weight, i) => `${names[i]} = ${format(weight)}`).join(", ");
    if (diverges()) return stage.say(`It diverges: after ${path.length - 1} steps the loss is beyond the picture. Take a smaller rate, and start again.`);
    const [slope, kept] = [format(slopes[0]), momentum.value && ball.move ? ` + ${format(momentum.value)} × ${format(ball.move[0])}` : ""];
    const rule = slopes.length === 1 ? `slope ${slope}. The next step: −${format(rate.value)} × (${slope}${kept}) = ${format(step(ball, points, rate.value, momentum.value).weights[0] - ball.weights[0])}.` : `slopes ${slopes.map((one) => format(one)).join(" and ")}.`;
    stage.say(`Step ${path.length - 1}: ${values}, loss ${format(lossAt(ball.weights, points))}, ${rule}`);
  }

  function place(weights) {
    halt();
    [ball, before, share, path] = [{ weights, move: null }, null, 1, [weights]];
    changed();
  }

  function take() {
    before = ball.weights;
    ball = step(ball, points, rate.value, momentum.value);
    path.push(ball.weights);
    changed();
    return !diverges() && Math.hypot(...ball.weights.map((weight, i) => weight - before[i])) > 1e-4 && path.length < 500;
  }

  function halt() {
    stop?.();
    [stop, share, runButton.textContent] = [null, 1, "Run"];
  }

  function run() {
    if (stop) return halt(), changed();
    if (still()) {
      for (let i = 0; i < 60 && take(); i++);
      return;
    }
    runButton.textContent = "Pause";
    share = 1;
    stop = stage.animate((seconds) => {
      share = Math.min(1, share + seconds / 0.16);
      if (share === 1) {
        if (!take()) return halt(), drawHill(), false;
        share = 0;
      }
      drawHill();
    });
  }

  function begin(weights) {
    bowl = valley(points, weights === 2);
    for (const button of choices) button.setAttribute("aria-pressed", +button.dataset.weights === weights);
    place(weights === 2 ? [bowl.best[0] - 1.9, bowl.best[1] + 1.2] : [bowl.best[0] - 1.8]);
  }

  const clipped = (weights) => weights.map((weight, i) => Math.min(Math.max(weight, ranges()[i][0]), ranges()[i][1]));
  stage.drag(hill, ({ x, y }) => place(clipped([at().x(x), at().y(y)].slice(0, ball.weights.length))));
  stage.arrows(hill, (x, y) => place(clipped([ball.weights[0] + x / 20, ...ball.weights.slice(1).map((b) => b - y / 20)])));
  stage.key(hill, { Enter: () => (halt(), take()), Escape: () => begin(ball.weights.length) });
  for (const button of choices) stage.listen(button, "click", () => begin(+button.dataset.weights));
  stage.listen(stage.find(".step"), "click", () => (halt(), take()));
  stage.listen(runButton, "click", run);
  stage.listen(stage.find(".again"), "click", () => begin(ball.weights.length));
  begin(1);
  return stage.close;
}

export default { render };
