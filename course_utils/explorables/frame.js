// A drawing brought to 28×28 pixels in MNIST's manner: what `to_mnist_frame` of course_utils.data does, to within 1.

import { roundHalfToEven } from "./network.js";

const LEAST = 26; // of 255; less ink than a tenth is paper

/** Ink from 0 to 255, row by row, as 784 pixels: its box fits 20×20, its centre of mass lies in the middle. */
export function toMnistFrame(ink, width, height) {
  const frame = new Uint8Array(784);
  const box = inkBox(ink, width, height);
  if (!box) return frame;
  const longest = Math.max(box.width, box.height);
  const [wide, tall] = [box.width, box.height].map((side) => Math.max(1, roundHalfToEven((20 * side) / longest)));
  const scaled = resized(box, wide, tall);
  let [sum, across, down] = [0, 0, 0];
  scaled.forEach((value, index) => {
    sum += value;
    across += value * ((index % wide) + 0.5);
    down += value * (Math.floor(index / wide) + 0.5);
  });
  const whole = (start) => roundHalfToEven(Math.round(1000 * start) / 1000); // twice: a tie is a tie in any arithmetic
  const left = within(whole(14.5 - across / sum), 0, 28 - wide);
  const top = within(whole(14.5 - down / sum), 0, 28 - tall);
  scaled.forEach((value, index) => {
    frame[(top + Math.floor(index / wide)) * 28 + left + (index % wide)] = roundHalfToEven(value * 255);
  });
  return frame;
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** The smallest box that holds all ink, as {width, height, values from 0 to 1}; null for an empty page. */
function inkBox(ink, width, height) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let index = 0; index < width * height; index++) {
    if (ink[index] < LEAST) continue;
    const [x, y] = [index % width, Math.floor(index / width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), y];
  }
  if (right < 0) return null;
  const box = { width: right - left + 1, height: bottom - top + 1 };
  box.values = Float64Array.from({ length: box.width * box.height }, (_, index) => {
    return ink[(top + Math.floor(index / box.width)) * width + left + (index % box.width)] / 255;
  });
  return box;
}

/** Bicubic, with antialiasing where it shrinks, as torch's `interpolate` does it; cut off at 0 and 1. */
function resized({ width, height, values }, wide, tall) {
  const narrowed = new Float64Array(wide * height);
  shares(width, wide).forEach(({ first, weights }, x) => {
    for (let y = 0; y < height; y++) {
      narrowed[y * wide + x] = weights.reduce((sum, weight, k) => sum + weight * values[y * width + first + k], 0);
    }
  });
  const scaled = new Float64Array(wide * tall);
  shares(height, tall).forEach(({ first, weights }, y) => {
    for (let x = 0; x < wide; x++) {
      const sum = weights.reduce((total, weight, k) => total + weight * narrowed[(first + k) * wide + x], 0);
      scaled[y * wide + x] = within(sum, 0, 1);
    }
  });
  return scaled;
}

/** For each of `to` places, which of `from` values it is made of: the first, and the weights from there on. */
function shares(from, to) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = scale * (place + 0.5);
    const first = Math.max(Math.trunc(centre - 2 * stretch + 0.5), 0);
    const end = Math.min(Math.trunc(centre + 2 * stretch + 0.5), from);
    const weights = Array.from({ length: end - first }, (_, k) => cubic((first + k - centre + 0.5) / stretch));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function cubic(at) {
  const x = Math.abs(at);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
