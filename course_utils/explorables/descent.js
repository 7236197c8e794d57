// A line through points: its loss, the loss's slopes, a step of SGD, and the valley that the loss is.

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const off = ([w, b = 0], points) => points.map(([x, y]) => w * x + b - y);

/** The mean squared distance of the points from the line y = w x, or y = w x + b. */
export const lossAt = (weights, points) => mean(off(weights, points).map((error) => error ** 2));

/** How fast the loss grows with each weight. */
export function slopeAt(weights, points) {
  const errors = off(weights, points);
  const slopes = [2 * mean(errors.map((error, index) => error * points[index][0])), 2 * mean(errors)];
  return slopes.slice(0, weights.length);
}

/** A step of SGD: what momentum keeps of the last move, plus the slope; then against it, by the rate. */
export function step({ weights, move }, points, rate, momentum) {
  const next = slopeAt(weights, points).map((slope, index) => momentum * (move?.[index] ?? 0) + slope);
  return { weights: weights.map((weight, index) => weight - rate * next[index]), move: next };
}

/** The weights of the lowest loss, and the widths of its valley: two directions with the curvature along each. */
export function valley(points, two) {
  const [xx, x] = [2 * mean(points.map(([x]) => x * x)), 2 * mean(points.map(([x]) => x))];
  const [xy, y] = [2 * mean(points.map(([x, y]) => x * y)), 2 * mean(points.map(([, y]) => y))];
  if (!two) return { best: [xy / xx], curves: [xx] };
  const best = [(2 * xy - x * y) / (2 * xx - x * x), (xx * y - x * xy) / (2 * xx - x * x)];
  const [half, apart] = [(xx + 2) / 2, Math.hypot((xx - 2) / 2, x)];
  return { best, curves: [half + apart, half - apart], angle: Math.atan2(2 * x, xx - 2) / 2 };
}
