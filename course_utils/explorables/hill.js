// What the ball rolls on, drawn: the loss as a curve or as contours, its slope, the line that the weights make.
import { lossAt, slopeAt } from "./descent.js";
import { arrow, dot, drawAxes, drawLine, inside, label, scale } from "./plane.js";
import { format } from "./stage.js";

const LEVELS = [24, 12, 6, 3, 1.5, 0.7, 0.3, 0.1, 0.02]; // of the contours, above the lowest loss

/** Where weights stand, in pixels: on the curve for one, on the plane for two. */
export const spot = (at, weights, points) => [at.X(weights[0]), at.Y(weights[1] ?? lossAt(weights, points))];

export function drawCurve(context, at, colours, points) {
  const [left, right] = at.xs;
  const weights = Array.from({ length: 121 }, (_, index) => left + (index / 120) * (right - left));
  const places = weights.map((w) => spot(at, [w], points));
  drawLine(context, places, colours.one, 2.5);
}

/** The loss of two weights from above: ellipses, each with its loss, darker towards the bottom of the valley. */
export function drawContours(context, at, colours, points, { best, curves, angle }) {
  const low = lossAt(best, points);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (const level of LEVELS) {
    const [short, long] = curves.map((curve) => Math.sqrt((2 * level) / curve));
    context.beginPath();
    for (let turn = 0; turn < 2 * Math.PI; turn += 0.05) {
      const [right, up] = [short * Math.cos(turn), long * Math.sin(turn)];
      context.lineTo(at.X(best[0] + right * cos - up * sin), at.Y(best[1] + right * sin + up * cos));
    }
    context.closePath();
    Object.assign(context, { fillStyle: colours.one, strokeStyle: colours.one, lineWidth: 1, globalAlpha: 0.08 });
    context.fill();
    context.globalAlpha = 0.8;
    context.stroke();
    context.globalAlpha = 1;
    const end = [best[0] - long * sin, best[1] + long * cos];
    const [x, y] = spot(at, end, points);
    if (level > 0.2 && y > 20 && x > at.X(at.xs[0]) + 14) label(context, format(low + level, 1), [x, y], colours);
  }
}

/** The slope where the ball is, as a piece of a line with its number; and the next step, along the axis. */
export function drawSlope(context, at, colours, points, [w], next) {
  const [slope, [x, y]] = [slopeAt([w], points)[0], spot(at, [w], points)];
  const [right, up] = [at.X(1) - at.X(0), (at.Y(1) - at.Y(0)) * slope];
  const run = 70 / Math.hypot(right, up);
  drawLine(context, [-run, run].map((by) => [x + by * right, y + by * up]), colours.text, 2); // prettier-ignore
  const side = x > at.X(at.xs[0]) + at.width - 120 ? -1 : 1;
  label(context, `slope ${format(slope)}`, [x + 20 * side, Math.max(y - 18, 24)], colours, side > 0 ? "left" : "right");
  const ground = at.Y(at.ys[0]) - 9;
  context.setLineDash([3, 3]);
  drawLine(context, [[x, y], [x, ground]], colours.text, 1); // prettier-ignore
  context.setLineDash([]);
  if (next) arrow(context, [x, ground], [at.X(next[0]), ground], colours.two, 3);
}

/** The points, the line, and how far it misses each. */
export function drawFit(context, width, height, colours, points, [w, b = 0]) {
  const [right, heights] = [1.15 * Math.max(...points.map(([x]) => x)), points.map(([, y]) => y)];
  const at = scale(width, height, [0, right], [Math.min(0, ...heights) - 0.5, 1.3 * Math.max(...heights)]);
  drawAxes(context, at, colours, "x", "y");
  inside(context, at, () => {
    context.setLineDash([3, 3]);
    for (const [x, y] of points) {
      drawLine(context, [y, w * x + b].map((value) => [at.X(x), at.Y(value)]), colours.text, 1); // prettier-ignore
    }
    context.setLineDash([]);
    drawLine(context, [0, right].map((x) => [at.X(x), at.Y(w * x + b)]), colours.two, 2.5); // prettier-ignore
    for (const [x, y] of points) dot(context, [at.X(x), at.Y(y)], 5, colours.one, colours.ground);
  });
}
