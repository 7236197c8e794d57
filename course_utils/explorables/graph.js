// A small network as a graph: numbers go forward along its edges, slopes come back, multiply on a path, and paths add up.
// given: {networks: {name: {nodes, numbers}}, rate}; kept: {}.
import { backward, backWords, factor, forward, forwardWords, named, number, updated } from "./chain.js";
import { escaped, openStage } from "./stage.js";

const RADIUS = 25;
const STYLE = `
.graph svg { width: 100%; margin: 6px 0 }
.graph line { stroke: var(--line); stroke-width: 2 }
.graph polygon { fill: var(--line) }
.graph circle { fill: var(--ground); stroke: var(--line); stroke-width: 2 }
.graph text { text-anchor: middle; dominant-baseline: central; paint-order: stroke; stroke: var(--ground); stroke-width: 5px;
  stroke-linejoin: round }
.graph .inside { stroke: none }
.graph .value { font-weight: 600; fill: var(--one) }
.graph .slope { font-weight: 600; fill: var(--two) }
.graph .path line { stroke: var(--two); stroke-width: 3 }
.graph .path polygon { fill: var(--two) }
.graph .now line { stroke: var(--one); stroke-width: 4; stroke-dasharray: 9 6; animation: ex-flow .6s linear infinite }
.graph .now.returning line { stroke: var(--two); animation-direction: reverse }
.graph .now circle { stroke: var(--one); stroke-width: 4 }
.graph .now.returning circle { stroke: var(--two) }
@keyframes ex-flow { to { stroke-dashoffset: -15 } }
@media (prefers-reduced-motion: reduce) { .graph .now line { animation: none } }
.graph .numbers { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 10px 0 }
.graph input { font: inherit; width: 5.2em; padding: 4px 6px; color: var(--text); background: var(--ground);
  border: 1px solid var(--line); border-radius: 6px }
.graph .ex-said { min-height: 4.4em; font-variant-numeric: tabular-nums }
.graph [hidden] { display: none }`;

const MARKUP = `<div class="graph"><div class="ex-row choices" role="group" aria-label="Which network"></div>
  <svg role="img"></svg>
  <div class="ex-row"><button class="forward">Step forward</button><button class="back">Step back</button>
  <button class="update">Update the weights</button><button class="again">Start again</button></div>
  <div class="numbers"></div><p class="ex-said"></p><p class="legend"></p></div>`;

function render({ model, el }) {
  const { networks, rate: firstRate = 0.05 } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const [svg, inputs] = [stage.find("svg"), stage.find(".numbers")];
  let [name, network, rate] = ["", null, firstRate];
  let [done, back] = [0, 0]; // steps taken forward, and back
  let told = ""; // what an update did, until the next step

  const computed = () => network.nodes.filter(({ kind }) => kind !== "input");
  const last = () => network.nodes.at(-1);

  function draw() {
    const values = forward(network);
    const { slopes, steps } = backward(network, values);
    const [step, node] = [steps[back - 1], computed()[done - 1]];
    const known = Object.fromEntries(steps.slice(0, back).map(({ of, slope }) => [of, slope]));
    const shown = new Set(computed().slice(0, done).map((one) => one.name)); // prettier-ignore
    const now = step ? [step.edge] : node ? node.from.map(([source]) => `${source}>${node.name}`) : [];
    const path = step ? edgesToLoss(step, new Set(steps.slice(0, back).map(({ edge }) => edge))) : new Set(); // prettier-ignore
    const state = (active) => (active ? `now${back ? " returning" : ""}` : "");
    const { at, flat } = places();
    const edges = network.nodes.flatMap(({ name: target, from = [] }) =>
      from.map(([source, weight]) => {
        const edge = `${source}>${target}`;
        const look = now.includes(edge) ? state(true) : path.has(edge) ? "path" : "";
        return edgeMarkup(at(source), at(target), weight, known, look, flat);
      }),
    );
    const circles = network.nodes.map(({ name, kind }) => {
      const value = kind === "input" ? number(network.numbers[name]) : shown.has(name) ? number(values[name]) : "?";
      const active = step ? step.of === name : node?.name === name;
      return circleMarkup(at(name), name, value, known[name], state(active), flat);
    });
    svg.innerHTML = [...edges, ...circles].join("");
    const words = step ? backWords(step, values, last().name, slopes) : node ? forwardWords(node, values, network.numbers) : "";
    const say = told || words || "Step forward, from the inputs to the end. Then step back, and the slopes come.";
    svg.setAttribute("aria-label", `The network “${name}”. ${say}`);
    stage.find(".forward").disabled = done === computed().length;
    stage.find(".back").disabled = done < computed().length || back === steps.length;
    stage.find(".update").disabled = back < steps.length || last().kind !== "loss";
    stage.say(say);
  }

  /** The edges on which what a step is about reaches the loss, of those that slopes have come back on. */
  function edgesToLoss({ of, edge }, passed) {
    const reached = new Set([network.nodes.some(({ name }) => name === of) ? of : edge.split(">")[1]]);
    const found = new Set();
    for (const { name, from = [] } of network.nodes) {
      for (const [source] of from) {
        if (!reached.has(source) || !passed.has(`${source}>${name}`)) continue;
        found.add(`${source}>${name}`);
        reached.add(name);
      }
    }
    return found;
  }

  /** Where each node stands: from left to right, or on a narrow page from top to bottom. */
  function places() {
    const [columns, rows] = [0, 1].map((axis) => Math.max(...network.nodes.map(({ at }) => at[axis])));
    const width = svg.clientWidth || 600;
    const flat = width >= 96 * columns + 70;
    const height = flat ? 96 * rows + 104 : 96 * columns + 64;
    const gap = Math.min(150, flat ? (width - 70) / columns : (width - 120) / (rows || 1));
    const edge = flat ? 35 : (width - gap * rows) / 2;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const at = (wanted) => {
      const [column, row] = network.nodes.find(({ name }) => name === wanted).at;
      return flat ? [edge + column * gap, 40 + row * 96] : [edge + row * gap, 32 + column * 96];
    };
    return { at, flat };
  }

  function edgeMarkup([x, y], [toX, toY], weight, known, look, flat) {
    const length = Math.hypot(toX - x, toY - y);
    const [dx, dy] = [(toX - x) / length, (toY - y) / length];
    const [endX, endY] = [toX - (RADIUS + 2) * dx, toY - (RADIUS + 2) * dy];
    const corner = (side) => `${endX - 9 * dx + side * 4.5 * dy},${endY - 9 * dy - side * 4.5 * dx}`;
    const outward = x + toX < svg.clientWidth - 10 ? -36 : 36; // beside its edge, where edges meet in the middle
    const [midX, midY] = [(x + toX) / 2 + (flat ? 0 : outward), y + (toY - y) * 0.48];
    const text = (down, kind, words) => `<text class="${kind}" x="${midX}" y="${midY + down}">${words}</text>`;
    const words = weight ? text(flat ? -13 : -8, "", `${named(weight)} = ${number(network.numbers[weight])}`) : "";
    const slope = weight in known ? text(flat ? 15 : 9, "slope", `∂ ${number(known[weight])}`) : "";
    return `<g class="${look}"><line x1="${x + RADIUS * dx}" y1="${y + RADIUS * dy}" x2="${endX - 6 * dx}" y2="${endY - 6 * dy}"/>
      <polygon points="${endX},${endY} ${corner(1)} ${corner(-1)}"/>${words}${slope}</g>`;
  }

  function circleMarkup([x, y], name, value, slope, look, flat) {
    const [side, down] = flat ? [0, 39] : [-48, 0];
    const beside = slope === undefined ? "" : `<text class="slope" x="${x + side}" y="${y + down}">∂ ${number(slope)}</text>`;
    return `<g class="${look}"><circle cx="${x}" cy="${y}" r="${RADIUS}"/>
      <text class="inside" x="${x}" y="${y - 9}">${escaped(named(name))}</text>
      <text class="inside value" x="${x}" y="${y + 8}">${value}</text>${beside}</g>`;
  }

  function go(forwards, backwards) {
    [done, back, told] = [done + forwards, back + backwards, ""];
    draw();
  }

  function update() {
    const values = forward(network);
    const { slopes } = backward(network, values);
    const next = updated(network, slopes, rate);
    const moved = Object.keys(network.numbers).filter((one) => one in slopes);
    const move = (one) =>
      `${named(one)}: ${number(network.numbers[one])} − ${number(rate)} · ${factor(slopes[one])} = ${number(next.numbers[one])}`;
    const loss = last().name;
    told = `${moved.map(move).join("; ")}. The loss goes from ${number(values[loss])} to ${number(forward(next)[loss])}.`;
    [network, back] = [next, 0];
    listNumbers();
    draw();
  }

  /** A field for each number that can be changed; all values and slopes that are shown follow. */
  function listNumbers() {
    const fields = [...Object.entries(network.numbers), ["rate", rate]].map(([name, value]) => {
      const label = document.createElement("label");
      const step = name === "rate" ? 0.01 : 0.1;
      label.innerHTML = `${name === "rate" ? "learning rate" : escaped(named(name))} <input type="number" step="${step}">`;
      label.lastChild.value = +value.toFixed(4);
      stage.listen(label.lastChild, "input", ({ target: { valueAsNumber } }) => {
        if (!Number.isFinite(valueAsNumber)) return;
        if (name === "rate") rate = valueAsNumber;
        else network = { ...network, numbers: { ...network.numbers, [name]: valueAsNumber } };
        go(0, 0);
      });
      return label;
    });
    inputs.replaceChildren(...(last().kind === "loss" ? fields : fields.slice(0, -1)));
  }

  function begin(chosen) {
    [name, network, rate, done, back, told] = [chosen, networks[chosen], firstRate, 0, 0, ""];
    for (const button of stage.root.querySelectorAll(".choices button")) {
      button.setAttribute("aria-pressed", button.textContent === chosen);
    }
    stage.find(".legend").textContent = `In a circle: a value. ∂: how fast ${last().name} grows with it.`;
    listNumbers();
    draw();
  }

  stage.find(".choices").hidden = Object.keys(networks).length < 2;
  for (const one of Object.keys(networks)) {
    const button = Object.assign(document.createElement("button"), { textContent: one });
    stage.listen(button, "click", () => begin(one));
    stage.find(".choices").append(button);
  }
  const clicks = { forward: () => go(1, 0), back: () => go(0, 1), update, again: () => begin(name) };
  for (const [button, action] of Object.entries(clicks)) stage.listen(stage.find(`button.${button}`), "click", action);
  begin(Object.keys(networks)[0]);
  const sizes = new ResizeObserver(draw);
  sizes.observe(stage.root);
  return () => {
    sizes.disconnect();
    stage.close();
  };
}

export default { render };
