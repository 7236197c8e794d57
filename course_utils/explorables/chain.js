// The chain rule on a small network: what each node holds, each slope, and both in words.
export const number = (value) => String(+value.toFixed(Math.abs(value) < 0.1 ? 4 : 3)).replace("-", "−");
export const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));
export const named = (name) => name.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** What each node holds, in the order of the nodes. */
export function forward({ nodes, numbers }) {
  const values = {};
  for (const { name, kind, from = [] } of nodes) {
    const parts = from.map(([source, weight]) => values[source] * (weight ? numbers[weight] : 1));
    if (kind === "input") values[name] = numbers[name];
    else if (kind === "sum") values[name] = parts.reduce((sum, part) => sum + part, 0);
    else if (kind === "relu") values[name] = Math.max(0, parts[0]);
    else if (kind === "sigmoid") values[name] = sigmoid(parts[0]);
    else values[name] = (parts[0] - parts[1]) ** 2;
  }
  return values;
}

/** How much a node grows with what comes along an edge, all else being equal. */
function local(node, place, values, numbers) {
  const [source, weight] = node.from[place];
  if (node.kind === "sum") return weight ? numbers[weight] : 1;
  if (node.kind === "relu") return values[source] > 0 ? 1 : 0;
  if (node.kind === "sigmoid") return values[node.name] * (1 - values[node.name]);
  return (place ? -2 : 2) * (values[node.from[0][0]] - values[node.from[1][0]]);
}

/** The steps of the way back, in order: for each edge the slope at its weight, and what it adds to its source's slope. */
export function backward({ nodes, numbers }, values) {
  const kinds = Object.fromEntries(nodes.map(({ name, kind }) => [name, kind]));
  const slopes = { [nodes.at(-1).name]: 1 };
  const paths = { [nodes.at(-1).name]: [[]] }; // the factors on each path from a node to the loss
  const steps = [];
  for (const node of [...nodes].reverse()) {
    (node.from ?? []).forEach(([source, weight], place) => {
      const edge = `${source}>${node.name}`;
      if (weight) {
        const through = paths[node.name].map((path) => [...path, values[source]]);
        slopes[weight] = slopes[node.name] * values[source];
        steps.push({ of: weight, edge, slope: slopes[weight], rule: [node.name, source, values[source]], paths: through });
      }
      if (kinds[source] === "input") return;
      const times = local(node, place, values, numbers);
      const [before, part] = [slopes[source], slopes[node.name] * times];
      slopes[source] = (before ?? 0) + part;
      paths[source] = [...(paths[source] ?? []), ...paths[node.name].map((path) => [...path, times])];
      steps.push({ of: source, edge, slope: slopes[source], before, part, node, times, weight, paths: [...paths[source]] });
    });
  }
  return { slopes, steps };
}

/** One step of gradient descent: each weight against its slope, by the rate. */
export function updated({ nodes, numbers }, slopes, rate) {
  const weights = new Set(nodes.flatMap(({ from = [] }) => from.map(([, weight]) => weight)).filter(Boolean));
  const moved = Object.entries(numbers).map(([name, value]) => [
    name,
    value - (weights.has(name) ? rate * slopes[name] : 0),
  ]);
  return { nodes, numbers: Object.fromEntries(moved) };
}

/** How a node's value comes about, in letters and in numbers. */
export function forwardWords(node, values, numbers) {
  const result = number(values[node.name]);
  const [first, second] = node.from.map(([source]) => source);
  const own = named(node.name);
  if (node.kind === "relu") return `${own} = max(0, ${named(first)}) = max(0, ${number(values[first])}) = ${result}`;
  if (node.kind === "sigmoid") return `${own} = σ(${named(first)}) = σ(${number(values[first])}) = ${result}`;
  if (node.kind === "loss") {
    const inside = `${number(values[first])} − ${factor(values[second])}`;
    return `${own} = (${named(first)} − ${named(second)})² = (${inside})² = ${result}`;
  }
  const written = (term) => node.from.map(([source, weight]) => term(source, weight)).join(" + ");
  const letters = written((source, weight) => (weight ? `${named(weight)} · ${named(source)}` : named(source)));
  const digits = written((source, weight) =>
    weight ? `${factor(numbers[weight])} · ${factor(values[source])}` : factor(values[source]),
  );
  return `${own} = ${letters} = ${digits} = ${result}`;
}

/** How a slope comes about, and what all paths to the loss add up to. */
export function backWords(step, values, loss, slopes) {
  const slope = (name) => `∂${loss}/∂${named(name)}`;
  const along = step.paths.map((path) => path.map(factor).join(" · ")).join(" + ");
  const all =
    step.paths.length > 1
      ? ` ${step.paths.length} paths lead from here to ${loss}, and they add up: ${along}.`
      : step.paths[0].length > 2
        ? ` The whole path: ${along}.`
        : "";
  const result = number(step.slope);
  if (step.rule) {
    const [node, source, value] = step.rule;
    return `${slope(step.of)} = ${slope(node)} · ${named(source)} = ${factor(slopes[node])} · ${factor(value)} = ${result}.${all}`;
  }
  const name = step.node.name;
  if (step.node.kind === "loss") {
    const [y, t] = step.node.from.map(([source]) => source);
    return `${slope(step.of)} = 2 (${named(y)} − ${named(t)}) = 2 · (${number(values[y])} − ${factor(values[t])}) = ${result}.`;
  }
  const why =
    step.node.kind === "relu"
      ? step.times
        ? " The ReLU is on, so it lets the slope pass."
        : " The ReLU is off, so nothing passes."
      : "";
  const letters = step.weight ? `${slope(name)} · ${named(step.weight)}` : `${slope(name)} · ${number(step.times)}`;
  const digits = `${factor(slopes[name])} · ${factor(step.times)}`;
  if (step.before !== undefined)
    return `A second path reaches ${named(step.of)}: ${number(step.before)} + ${digits} = ${result}.${all}`;
  return `${slope(step.of)} = ${letters} = ${digits} = ${result}.${why}${all}`;
}
