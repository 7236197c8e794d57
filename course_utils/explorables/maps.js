// Convolutions taken apart: what goes in, what comes out, and which pixels a place of a map goes back to.

import { numbers, toInput, trace } from "./network.js";

const ORDINALS = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th"];

/** Each convolution of a network, as the network at work on these pixels has it. */
export function convolutions(network, pixels) {
  const input = toInput(network, pixels);
  const results = trace(network, input);
  const convolutions = [];
  network.layers.forEach((layer, index) => {
    if (layer.kind !== "conv2d") return;
    const [outputs, channels, size] = layer.weight.shape;
    const [weights, biases] = [numbers(layer.weight), numbers(layer.bias)];
    const each = channels * size * size;
    convolutions.push({
      name: `${ORDINALS[convolutions.length]} convolution: ${channels} map${channels > 1 ? "s" : ""} in, ${outputs} out`,
      size,
      padding: layer.padding,
      filters: Array.from({ length: outputs }, (_, output) => ({
        name: String(output), weights: weights.slice(output * each, (output + 1) * each), bias: biases[output],
      })), // prettier-ignore
      relu: network.layers.slice(index + 1, index + 3).some(({ kind }) => kind === "relu"),
      maps: split(index ? results[index - 1] : input),
      outMaps: split(results[index]),
      ...seen(network.layers.slice(0, index + 1)),
    });
  });
  return convolutions;
}

/** Filters written by hand {name, weight}, at work on the digit without padding: a part for each size of filter. */
export function byHand(filters, pixels) {
  const sizes = [...new Set(filters.map(({ weight }) => weight.shape[0]))];
  return sizes.map((size) => {
    const chosen = filters.filter(({ weight }) => weight.shape[0] === size);
    const weight = { shape: [chosen.length, 1, size, size] };
    const layer = { kind: "conv2d", padding: 0, weight };
    const list = chosen.map(({ name, weight }) => ({ name, weights: numbers(weight), bias: 0 }));
    const values = Float32Array.from(list.flatMap(({ weights }) => [...weights]));
    weight.values = new DataView(values.buffer);
    layer.bias = { shape: [list.length], values: new DataView(new Float32Array(list.length).buffer) };
    const network = { normalise: [0, 1], layers: [layer] };
    return { ...convolutions(network, pixels)[0], name: `written by hand, ${size}×${size}`, filters: list };
  });
}

/** A layer's result {shape: [maps, side, side], values} as maps; outside a map is 0. */
function split({ shape: [count, side], values }) {
  return Array.from({ length: count }, (_, index) => {
    const own = values.slice(index * side * side, (index + 1) * side * side);
    const inside = (at) => at >= 0 && at < side;
    return { side, values: own, at: (row, column) => (inside(row) && inside(column) ? own[row * side + column] : 0) };
  });
}

/**
 * What a place of the last of these layers' maps sees of the digit: its centre lies at `start + place * jump`, and it
 * sees `reach` pixels each way; `way` says so in words, back through every layer.
 */
function seen(layers) {
  let [start, jump, reach] = [0, 1, 1];
  for (const { kind, size, padding = 0, weight } of layers) {
    if (kind !== "conv2d" && kind !== "max-pool") continue;
    const wide = weight?.shape[2] ?? size;
    start += ((wide - 1) / 2 - padding) * jump;
    reach += (wide - 1) * jump;
    if (kind === "max-pool") jump *= size;
  }
  const steps = [];
  let side = 1;
  for (const { kind, size, weight } of [...layers].reverse()) {
    if (kind === "conv2d") steps.push(`${(side += weight.shape[2] - 1)}×${side} before the convolution`);
    if (kind === "max-pool") steps.push(`${(side *= size)}×${side} before the pooling`);
  }
  steps.push(`${steps.pop().split(" ")[0]} pixels of the digit`);
  return { start, jump, reach, way: `One number of this map goes back to ${steps.join(", ")}.` };
}

/** Parts in hundredths that add up to `whole` hundredths as printed; each is its nearest, or the next one to it. */
export function addUp(parts, whole) {
  const printed = parts.map((part) => Math.round(100 * part));
  const missing = whole - printed.reduce((sum, part) => sum + part, 0);
  const sign = Math.sign(missing);
  const error = (index) => sign * (100 * parts[index] - printed[index]);
  const order = [...parts.keys()].sort((one, other) => error(other) - error(one));
  for (const index of order.slice(0, Math.abs(missing))) printed[index] += sign;
  return printed;
}
