// A small network as a graph: numbers go forward along its edges, slopes come back, multiply on a path, and paths add up.
import { backward, backWords, factor, forward, forwardWords, named, number, updated } from "./chain.js";
import { escaped, openStage } from "./stage.js";

const STYLE = `
.graph svg { width: 100%; margin: 4px 0; outline-offset: -3px }
.graph line { stroke: var(--line); stroke-width: 2 } .graph circle { fill: var(--ground); stroke: var(--line); stroke-width: 2 }
.graph text { text-anchor: middle; dominant-baseline: central; paint-order: stroke; stroke: var(--ground); stroke-width: 5px; stroke-linejoin: round }
.graph .inside { stroke: none } .graph .value { font-weight: 600; fill: var(--one) } .graph .slope { font-weight: 600; fill: var(--two) }
.graph .now line { stroke: var(--one); stroke-width: 4; stroke-dasharray: 9 6; animation: ex-flow .6s linear infinite }
.graph .now.back line { stroke: var(--two); animation-direction: reverse }
.graph .now circle { stroke: var(--one); stroke-width: 4 } .graph .now.back circle { stroke: var(--two) }
@keyframes ex-flow { to { stroke-dashoffset: -15 } }
@media (prefers-reduced-motion: reduce) { .graph .now line { animation: none } }
.graph .numbers { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 8px 0 }
.graph input { font: inherit; width: 5.2em; padding: 4px 6px; color: var(--text); background: var(--ground); border: 1px solid var(--line); border-radius: 6px }
.graph .ex-said { min-height: 4.4em; margin-top: 8px }`;

const MARKUP = `<div class="graph"><div class="ex-row choices" role="group" aria-label="network"></div>
  <svg role="img" tabindex="0"></svg>
  <div class="ex-row"><button class="forward">Step forward</button><button class="back">Slope back</button>
  <button class="update">Update the weights</button><button class="again">Start again</button></div>
  <div class="numbers"></div><p>In a circle: its value. <span class="legend"></span></p><p class="ex-said"></p></div>`;

function render({ model, el }) {
  const { networks, rate: firstRate = 0.05 } = model.get("given");
  const stage = openStage(el, MARKUP, STYLE);
  const [svg, inputs] = [stage.find("svg"), stage.find(".numbers")];
  let [network, rate, done, back, told] = [null, firstRate, 0, 0, ""];

  const computed = () => network.nodes.filter(({ kind }) => kind !== "input");
  const loss = () => network.nodes.at(-1).name;

  function draw() {
    const values = forward(network);
    const { slopes, steps } = backward(network, values);
    const known = Object.fromEntries(steps.slice(0, back).map((step) => [step.of, step.slope]));
    const shown = new Set(computed().slice(0, done).map(({ name }) => name));
    const now = back ? steps[back - 1].edge : done ? computed()[done - 1].from.map(([source]) => `${source}>${computed()[done - 1].name}`).join() : "";
    const at = places();
    const parts = [];
    for (const node of network.nodes) {
      for (const [source, weight] of node.from ?? []) parts.push(edgeMarkup(at(source), at(node), weight, known, now.split(",").includes(`${source}>${node.name}`)));
    }
    for (const { name, kind } of network.nodes) {
      const [x, y] = at(name);
      const active = back ? steps[back - 1].of === name : done && computed()[done - 1].name === name;
      const value = kind === "input" ? number(network.numbers[name]) : shown.has(name) ? number(values[name]) : "?";
      const slope = name in known ? `<text class="slope" x="${x}" y="${y + 38}">∂ ${number(known[name])}</text>` : "";
      parts.push(`<g class="${active ? `now${back ? " back" : ""}` : ""}"><circle cx="${x}" cy="${y}" r="25"/>
        <text class="inside" x="${x}" y="${y - 9}">${escaped(named(name))}</text><text class="inside value" x="${x}" y="${y + 8}">${value}</text>${slope}</g>`);
    }
    svg.innerHTML = parts.join("");
    stage.find(".forward").disabled = done === computed().length;
    stage.find(".back").disabled = done < computed().length || back === steps.length;
    stage.find(".update").disabled = back < steps.length || network.nodes.at(-1).kind !== "loss";
    if (back) told = backWords(steps[back - 1], values, loss(), slopes);
    else if (done && !told) told = forwardWords(computed()[done - 1], values, network.numbers);
    svg.setAttribute("aria-label", `A network. ${told || "Nothing is computed yet."}`);
    stage.say(told || "Step forward: from the inputs to the loss. Then the slopes come back.");
  }

  /** Where each node stands: from left to right, or on a narrow page from top to bottom. */
  function places() {
    const [columns, rows] = [0, 1].map((axis) => Math.max(...network.nodes.map(({ at }) => at[axis])));
    const width = svg.clientWidth || 600;
    const flat = width >= 96 * columns + 70;
    const height = flat ? 100 * rows + 110 : 98 * columns + 90;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const across = flat ? Math.min(150, (width - 70) / columns) : Math.min(150, (width - 110) / (rows || 1));
    const edge = flat ? 35 : (width - across * rows) / 2;
    return (named) => {
      const [column, row] = (named.at ? named : network.nodes.find(({ name }) => name === named)).at;
      return flat ? [edge + column * across, 48 + row * 100] : [edge + row * across, 32 + column * 98];
    };
  }

  function edgeMarkup([x, y], [toX, toY], weight, known, active) {
    const [length, mid] = [Math.hypot(toX - x, toY - y), [x + (toX - x) * 0.5, y + (toY - y) * 0.5]];
    const [dx, dy] = [(toX - x) / length, (toY - y) / length];
    const [side, down] = Math.abs(dx) > 0.6 ? [0, -14] : [32, -9];
    const words = weight ? `<text x="${mid[0] + side}" y="${mid[1] + down}">${escaped(named(weight))} = ${number(network.numbers[weight])}</text>` : "";
    const slope = weight in known ? `<text class="slope" x="${mid[0] + side}" y="${mid[1] + (side ? 9 : 16)}">∂ ${number(known[weight])}</text>` : "";
    return `<g class="${active ? `now${back ? " back" : ""}` : ""}"><line x1="${x + 25 * dx}" y1="${y + 25 * dy}" x2="${toX - 25 * dx}" y2="${toY - 25 * dy}"/>${words}${slope}</g>`;
  }

  function go(more, backMore) {
    [done, back, told] = [done + more, back + backMore, ""];
    draw();
  }

  function update() {
    const values = forward(network);
    const { slopes } = backward(network, values);
    const next = updated(network, slopes, rate);
    const moves = Object.keys(slopes).filter((name) => name in network.numbers).sort().map((name) => `${named(name)}: ${number(network.numbers[name])} − ${number(rate)} · ${factor(slopes[name])} = ${number(next.numbers[name])}`);
    const [before, after] = [values[loss()], forward(next)[loss()]];
    network = next;
    [back, told] = [0, `${moves.join("; ")}. The loss goes from ${number(before)} to ${number(after)}.`];
    listNumbers();
    draw();
  }

  function listNumbers() {
    inputs.replaceChildren(...[...Object.entries(network.numbers), ["rate", rate]].map(([name, value]) => {
      const label = document.createElement("label");
      label.innerHTML = `${escaped(name === "rate" ? name : named(name))} <input type="number" step="${name === "rate" ? 0.01 : 0.1}" value="${+value.toFixed(4)}">`;
      label.lastChild.addEventListener("input", ({ target }) => {
        if (!Number.isFinite(target.valueAsNumber)) return;
        if (name === "rate") rate = target.valueAsNumber;
        else network = { ...network, numbers: { ...network.numbers, [name]: target.valueAsNumber } };
        told = "";
        draw();
      });
      return label;
    }));
  }

  function begin(name) {
    network = networks[name];
    [done, back, told, rate] = [0, 0, "", firstRate];
    for (const button of stage.root.querySelectorAll(".choices button")) button.setAttribute("aria-pressed", button.textContent === name);
    stage.find(".legend").textContent = network.nodes.at(-1).kind === "loss" ? `∂: how fast ${loss()} grows with it.` : "";
    stage.find(".choices").hidden = Object.keys(networks).length < 2;
    listNumbers();
    draw();
  }

  for (const name of Object.keys(networks)) {
    const button = Object.assign(document.createElement("button"), { textContent: name });
    stage.listen(button, "click", () => begin(name));
    stage.find(".choices").append(button);
  }
  const clicks = { ".forward": () => go(1, 0), ".back": () => go(0, 1), ".update": update, ".again": () => begin(Object.keys(networks).find((name) => networks[name].nodes === network.nodes)) };
  for (const [selector, action] of Object.entries(clicks)) stage.listen(stage.find(selector), "click", action);
  const sizes = new ResizeObserver(() => draw());
  begin(Object.keys(networks)[0]);
  sizes.observe(svg.parentElement);
  return () => (sizes.disconnect(), stage.close());
}

export default { render };
