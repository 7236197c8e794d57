// A network 2-n-1 with one hidden layer of ReLUs: its answers, its slopes, and a step of learning.

export const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const RATE = 0.03;

/** A network 2-n-1. Its neurons look in all directions, a little off by chance; another seed turns them all. */
export function start(neurons, seed) {
  let state = 2654435769 * (seed + 1);
  const random = () => {
    state = Math.imul(state ^ (state >>> 15), 2246822519) + 374761393;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32 - 0.5;
  };
  const turn = -Math.PI / 4 + 1.1 * seed;
  const angles = Array.from({ length: neurons }, (_, i) => turn + (2 * Math.PI * (i + 0.2 * random())) / neurons);
  const hidden = angles.map((angle) => [Math.cos(angle), Math.sin(angle), 0.2 * random()]);
  return { values: [...hidden.flat(), ...hidden.map(() => 0.3 * random()), 0], neurons, steps: 0 };
}

export const hiddenOf = ({ values, neurons }, [x, y]) =>
  Array.from({ length: neurons }, (_, i) => Math.max(0, values[3 * i] * x + values[3 * i + 1] * y + values[3 * i + 2]));

/** What the output says to a point: above 0 it leans to class 1. */
export function answer({ values, neurons }, [x, y]) {
  let sum = values[4 * neurons];
  for (let i = 0; i < neurons; i++) {
    const h = values[3 * i] * x + values[3 * i + 1] * y + values[3 * i + 2];
    if (h > 0) sum += values[3 * neurons + i] * h;
  }
  return sum;
}

/** The mean cross entropy, and its slope at each number of the network. */
export function slopes(network, points, labels) {
  const { values, neurons } = network;
  const slope = values.map(() => 0);
  let loss = 0;
  points.forEach((point, index) => {
    const z = answer(network, point);
    loss += (Math.max(z, 0) - z * labels[index] + Math.log1p(Math.exp(-Math.abs(z)))) / points.length;
    const back = (sigmoid(z) - labels[index]) / points.length;
    hiddenOf(network, point).forEach((h, i) => {
      slope[3 * neurons + i] += back * h;
      if (h <= 0) return;
      const through = back * values[3 * neurons + i];
      slope[3 * i] += through * point[0];
      slope[3 * i + 1] += through * point[1];
      slope[3 * i + 2] += through;
    });
    slope[4 * neurons] += back;
  });
  return { loss, slope };
}

/** One step of Adam, as torch.optim.Adam takes it. */
export function learn(network, points, labels, rate = RATE) {
  const { slope } = slopes(network, points, labels);
  const steps = network.steps + 1;
  const kept = (old, share, value) => slope.map((one, i) => share * (old?.[i] ?? 0) + (1 - share) * value(one));
  const [first, second] = [kept(network.first, 0.9, (one) => one), kept(network.second, 0.999, (one) => one * one)];
  const values = network.values.map(
    (value, i) => value - (rate * first[i]) / (1 - 0.9 ** steps) / (Math.sqrt(second[i] / (1 - 0.999 ** steps)) + 1e-8),
  );
  return { ...network, values, first, second, steps };
}
