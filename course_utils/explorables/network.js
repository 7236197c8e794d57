// Networks in the browser: the layers of the course's models, held against torch by the tests.
//
// A network is {normalise: [mean, deviation], layers: [{kind, …}]}. What goes from layer to layer is {shape, values}.

const LAYERS = {
  linear({ values }, layer) {
    const { weight, bias } = prepared(layer);
    const sums = Float64Array.from(bias);
    for (let to = 0; to < sums.length; to++) {
      for (let from = 0, at = to * values.length; from < values.length; from++, at++) sums[to] += values[from] * weight[at];
    }
    return { shape: [sums.length], values: sums };
  },

  conv2d({ shape: [channels, height, width], values }, layer) {
    const { padding, weight: { shape: [outputs, , size] } } = layer; // prettier-ignore
    const { byOutput, bias } = prepared(layer);
    const [tall, wide] = [height + 2 * padding - size + 1, width + 2 * padding - size + 1];
    const sums = new Float64Array(tall * wide * outputs); // a place's outputs side by side
    for (let place = 0; place < tall * wide; place++) sums.set(bias, place * outputs);
    for (let channel = 0, at = 0; channel < channels; channel++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at++) {
          const value = values[at];
          if (value === 0) continue; // paper, or what a ReLU has cut off: more than half of all
          for (let row = Math.max(0, y + padding - tall + 1); row <= Math.min(size - 1, y + padding); row++) {
            for (let column = Math.max(0, x + padding - wide + 1); column <= Math.min(size - 1, x + padding); column++) {
              const from = ((channel * size + row) * size + column) * outputs;
              addTo(sums, ((y + padding - row) * wide + x + padding - column) * outputs, value, byOutput, from, outputs);
            }
          }
        }
      }
    }
    const maps = new Float64Array(sums.length);
    for (let output = 0, at = 0; output < outputs; output++) {
      for (let place = output; place < sums.length; place += outputs) maps[at++] = sums[place];
    }
    return { shape: [outputs, tall, wide], values: maps };
  },

  "max-pool"({ shape: [channels, height, width], values }, { size }) {
    const [tall, wide] = [Math.floor(height / size), Math.floor(width / size)];
    const largest = new Float64Array(channels * tall * wide).fill(-Infinity);
    for (let channel = 0; channel < channels; channel++) {
      for (let y = 0; y < tall * size; y++) {
        for (let x = 0; x < wide * size; x++) {
          const to = (channel * tall + Math.floor(y / size)) * wide + Math.floor(x / size);
          largest[to] = Math.max(largest[to], values[(channel * height + y) * width + x]);
        }
      }
    }
    return { shape: [channels, tall, wide], values: largest };
  },

  relu: each((value) => Math.max(value, 0)),
  sigmoid: each((value) => 1 / (1 + Math.exp(-value))),
  tanh: each(Math.tanh),
  flatten: ({ values }) => ({ shape: [values.length], values }),
  softmax: ({ shape, values }) => ({ shape, values: softmax(values) }),
  "log-softmax"({ shape, values }) {
    const largest = Math.max(...values);
    const rest = Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    return { shape, values: values.map((value) => value - largest - rest) };
  },
};

/** Add `value` times `count` weights, from place `from` on, to the sums from place `to` on; four a turn is quicker. */
function addTo(sums, to, value, weights, from, count) {
  const end = to + count;
  for (; to + 3 < end; to += 4, from += 4) {
    sums[to] += value * weights[from];
    sums[to + 1] += value * weights[from + 1];
    sums[to + 2] += value * weights[from + 2];
    sums[to + 3] += value * weights[from + 3];
  }
  for (; to < end; to++, from++) sums[to] += value * weights[from];
}

function each(change) {
  return ({ shape, values }) => ({ shape, values: values.map(change) });
}

/** The result of every layer in turn, for an input {shape, values}. */
export function trace(network, input) {
  const results = [];
  for (const layer of network.layers) results.push((input = LAYERS[layer.kind](input, layer)));
  return results;
}

/** The network's output for pixels 0 to 255, 28×28: one value, ten logits, or ten log-probabilities. */
export function run(network, pixels) {
  return trace(network, toInput(network, pixels)).at(-1).values;
}

/** Pixels 0 to 255, 28×28, as the network was trained to see them. */
export function toInput({ normalise: [mean, deviation] }, pixels) {
  return { shape: [1, 28, 28], values: Float64Array.from(pixels, (pixel) => (pixel / 255 - mean) / deviation) };
}

/** What a reader {name, network, temperature} says to pixels 0 to 255: ten probabilities, or one value. */
export function read({ network, temperature = 1 }, pixels) {
  const output = run(network, pixels);
  return output.length === 1 ? output : softmax(output.map((value) => value / temperature));
}

/** The digit that an answer stands for. */
export function toDigit(answer) {
  if (answer.length > 1) return answer.indexOf(Math.max(...answer));
  return Math.min(Math.max(roundHalfToEven(answer[0]), 0), 9);
}

export function softmax(values) {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Round as Python and torch do: 2.5 to 2, 3.5 to 4. */
export function roundHalfToEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The numbers of an array as it travels: float32, or 8 bits a number with a float32 scale for each row. */
export function numbers({ shape, values, scales }) {
  if (!scales) return Float64Array.from(new Float32Array(bytes(values)));
  const [scale, whole] = [new Float32Array(bytes(scales)), new Int8Array(bytes(values))];
  const row = whole.length / shape[0];
  return Float64Array.from(whole, (value, index) => Math.fround(value * scale[Math.floor(index / row)]));
}

const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

const ready = new WeakMap();

/** A layer's numbers, unpacked once; a convolution's weights also by [channel][row][column][output]. */
function prepared(layer) {
  if (!ready.has(layer)) {
    const [weight, bias] = [numbers(layer.weight), numbers(layer.bias)];
    ready.set(layer, { weight, bias, byOutput: layer.kind === "conv2d" && transposed(weight, layer.weight.shape[0]) });
  }
  return ready.get(layer);
}

function transposed(weight, rows) {
  const columns = weight.length / rows;
  return Float64Array.from(weight, (_, index) => weight[(index % rows) * columns + Math.floor(index / rows)]);
}
