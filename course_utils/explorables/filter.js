// The filter: the maps that go into a convolution as slabs, one map that comes out, and at one place the numbers that
// add up to it; the pixels that this place goes back to, through convolutions and poolings.
// given: {image: 784 pixels, network, filters: [{name, weight: {shape: [k, k], values}}]}; kept: {}.

import { addUp, byHand, convolutions } from "./maps.js";
import { drawSlabs, picture } from "./slabs.js";
import { escaped, format, openStage } from "./stage.js";

const grid = (name) => `<figure class="${name}"><figcaption></figcaption><table></table></figure>`;
const STYLE = `
.filter-views { display: flex; flex-wrap: wrap; gap: 12px 22px; margin: 10px 0 }
.filter-views figure { margin: 0; flex: 1 1 140px; min-width: 0; max-width: 224px }
.filter-views figcaption, .filter-numbers figcaption { font-size: 13px; margin-bottom: 4px }
.filter-views figcaption { white-space: nowrap }
.filter-numbers figure { margin: 0 }
.filter-views canvas { width: 100%; aspect-ratio: 1; cursor: move }
.filter-slabs { width: 100%; height: 190px; cursor: pointer; border-radius: 6px }
.filter-numbers { display: flex; flex-wrap: wrap; gap: 10px 12px; align-items: center }
.filter-numbers > span { font-size: 20px; margin-top: 18px }
.ex .filter-numbers table { border-collapse: collapse; font: 12px/1 var(--ex-font, system-ui, sans-serif); font-variant-numeric: tabular-nums;
  margin: 0; border: 0; table-layout: fixed; width: auto }
.ex .filter-numbers td { border: 1px solid var(--faint); padding: 7px 2px; text-align: center; width: 38px; min-width: 38px; max-width: none }
.filter-sums { display: flex; flex-wrap: wrap; gap: 3px 8px; align-items: center; margin: 12px 0 6px; font-variant-numeric: tabular-nums }
.ex .filter-sums button { padding: 1px 6px; min-height: 26px; font-size: 13px }
.filter-sums b { font-size: 15px }
`;

function render({ model, el }) {
  const { image, network, filters = [] } = model.get("given");
  const pixels = new Uint8Array(image.buffer, image.byteOffset, 784);
  const parts = [...byHand(filters, pixels), ...convolutions(network, pixels)];
  const stage = openStage(
    el,
    `<div class="ex-row">
      <label>layer <select class="layer">${parts.map(({ name }, index) => `<option value="${index}">${escaped(name)}</option>`).join("")}</select></label>
      <label>filter <select class="which"></select></label>
    </div>
    <div class="filter-views">
      <figure><figcaption>the digit: drag here</figcaption><canvas class="digit" tabindex="0" role="application"
        aria-label="The digit with the window on it. Drag it, or move it with the arrow keys."></canvas></figure>
      <figure><figcaption class="out-words"></figcaption><canvas class="out" role="img" aria-label="The map that comes out"></canvas></figure>
    </div>
    <p class="trace"></p>
    <canvas class="filter-slabs" role="img"></canvas>
    <div class="filter-sums"></div>
    <div class="filter-numbers">
      ${grid("inputs")}<span>×</span>${grid("weights")}<span>=</span>${grid("products")}
    </div>
    <p class="ex-said" style="margin-top: 10px"></p>`,
    STYLE,
  );
  const [layer, which, digit, out, slabs, sums] = [".layer", ".which", ".digit", ".out", ".filter-slabs", ".filter-sums"].map(stage.find);
  const grids = [".inputs", ".weights", ".products"].map(stage.find);
  let [part, filter, map] = [parts[0], 0, 0];
  let centre = strongest(part); // of the window, in pixels of the digit: kept when another filter or layer is chosen

  const outSide = () => part.outMaps[0].side;
  const place = () => centre.map((at) => Math.min(Math.max(Math.round((at - part.start) / part.jump), 0), outSide() - 1));
  function moveTo(row, column) {
    const inside = (at) => Math.min(Math.max(at, 0), outSide() - 1);
    centre = [row, column].map((at) => part.start + inside(at) * part.jump);
    update();
  }

  function choose() {
    const [before, name] = [filter, which.selectedOptions[0]?.textContent];
    part = parts[layer.value];
    which.innerHTML = part.filters.map(({ name }, index) => `<option value="${index}">${escaped(name)}</option>`).join("");
    const same = part.filters.findIndex((one) => one.name === name);
    filter = which.value = same >= 0 ? same : Math.min(before, part.filters.length - 1);
    map = Math.min(map, part.maps.length - 1);
    sums.innerHTML = part.maps.map((_, index) => `<button>map ${index}: <span></span></button>`).join("<i>+</i>") + "<span class='rest'></span>";
    sums.style.display = part.maps.length > 1 ? "" : "none";
    const row = `<tr>${"<td></td>".repeat(part.size)}</tr>`;
    for (const figure of grids) figure.lastElementChild.innerHTML = row.repeat(part.size);
    stage.find(".trace").textContent = part.way;
    update();
  }

  /** All that is printed: for each map its sum, for the chosen map its numbers, everything in hundredths that add up. */
  function update() {
    const { maps, size, padding, filters, outMaps } = part;
    const [row, column] = place();
    const { weights, bias } = filters[filter];
    const at = (input, i, j) => input.at(row - padding + i, column - padding + j);
    const cells = Array.from({ length: size * size }, (_, cell) => [Math.floor(cell / size), cell % size]);
    const products = maps.map((input, index) => cells.map(([i, j], cell) => at(input, i, j) * weights[index * size * size + cell]));
    const mapSums = products.map((list) => list.reduce((sum, value) => sum + value, 0));
    const total = Math.round(100 * outMaps[filter].at(row, column));
    const printed = addUp([...mapSums, bias], total);
    const now = [cells.map(([i, j]) => at(maps[map], i, j)), cells.map((_, cell) => weights[map * size * size + cell]), addUp(products[map], printed[map]).map((cents) => cents / 100)];
    const sum = format(total / 100);
    fill(now, [`in the window${maps.length > 1 ? ` of map ${map}` : ""}`, "the filter's weights", `products: they add up to ${format(printed[map] / 100)}`]);
    sums.querySelectorAll("button").forEach((button, index) => {
      button.setAttribute("aria-pressed", index === map);
      button.lastElementChild.textContent = format(printed[index] / 100);
    });
    sums.lastElementChild.innerHTML = `+ bias ${format(printed.at(-1) / 100)} = <b>${sum}</b>`;
    const terms = maps.length > 1 ? `the sums of ${maps.length} maps and the bias` : `the products${bias ? ` and the bias ${format(printed[1] / 100)}` : ""}`;
    stage.find(".out-words").textContent = `the map out: ${sum}`;
    stage.say(`Row ${row}, column ${column}: ${terms} add up to ${sum}${total < 0 && part.relu ? "; the ReLU makes it 0" : ""}.`);
    [redrawDigit, redrawOut, redrawSlabs].forEach((draw) => draw());
  }

  function fill(now, captions) {
    grids.forEach((figure, index) => {
      figure.firstElementChild.textContent = captions[index];
      const reach = now[index].reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
      [...figure.querySelectorAll("td")].forEach((cell, at) => {
        cell.textContent = format(now[index][at]);
        const [sign, share] = [now[index][at] < 0 ? "one" : "two", (50 * Math.abs(now[index][at])) / reach];
        cell.style.background = `color-mix(in srgb, var(--${sign}) ${share}%, var(--ground))`; // in either shade
      });
    });
  }

  let painted = null; // the maps as small pictures, in the present colours
  function pictures(colours) {
    const key = JSON.stringify([part.name, filter, colours]);
    if (painted?.key !== key) {
      const ink = { ...colours, two: colours.text };
      const maps = part.maps.map((input) => picture(input, part.maps.length > 1 ? colours : ink));
      painted = { key, maps, out: picture(part.outMaps[filter], colours), digit: picture({ side: 28, values: pixels }, ink) };
    }
    return painted;
  }

  function flat(canvas, kind, box) {
    return stage.paint(canvas, (context, width, _, colours) => {
      context.imageSmoothingEnabled = false;
      context.drawImage(pictures(colours)[kind], 0, 0, width, width);
      context.strokeStyle = colours.line;
      context.strokeRect(0.5, 0.5, width - 1, width - 1);
      const [row, column] = place();
      const [left, top, side] = box(row, column).map((value) => value * width);
      context.strokeStyle = colours.text;
      context.lineWidth = 3;
      context.strokeRect(left, top, side, side);
      context.strokeStyle = colours.two;
      context.lineWidth = 2;
      context.strokeRect(left, top, side, side);
    });
  }
  const redrawDigit = flat(digit, "digit", (row, column) => {
    const corner = (at) => (part.start + at * part.jump - (part.reach - 1) / 2) / 28;
    return [corner(column), corner(row), part.reach / 28];
  });
  const redrawOut = flat(out, "out", (row, column) => [column / outSide(), row / outSide(), 1 / outSide()]);

  let slabAt = () => 0;
  const redrawSlabs = stage.paint(slabs, (context, width, height, colours) => {
    const [row, column] = place();
    const [inSide, side] = [part.maps[0].side, outSide()];
    const window = [(column - part.padding) / inSide, (row - part.padding) / inSide, part.size / inSide];
    const cell = [column / side, row / side, 1 / side];
    slabAt = drawSlabs(context, width, height, colours, { ...pictures(colours), window, cell, chosen: map });
    slabs.setAttribute("aria-label", `${part.maps.length} map${part.maps.length > 1 ? "s" : ""} in, one out, the window in each`);
  });

  const under = (canvas, side, { x, y }) => [y, x].map((at) => (at / canvas.clientWidth) * side - 0.5);
  stage.drag(digit, (point) => update((centre = under(digit, 28, point))));
  stage.drag(out, (point) => moveTo(...under(out, outSide(), point).map(Math.round)));
  stage.arrows(digit, (x, y) => moveTo(place()[0] + y, place()[1] + x));
  stage.listen(slabs, "click", (event) => update((map = slabAt(event.offsetX))));
  stage.listen(sums, "click", ({ target }) => {
    const chosen = [...sums.querySelectorAll("button")].indexOf(target.closest("button"));
    if (chosen >= 0) update((map = chosen));
  });
  stage.listen(layer, "change", choose);
  stage.listen(which, "change", () => update((filter = +which.value)));
  choose();
  return stage.close;
}

/** Where the first filter finds most, as [row, column] in pixels of the digit. */
function strongest({ outMaps: [{ side, values }], start, jump }) {
  const place = values.reduce((best, value, index) => (Math.abs(value) > Math.abs(values[best]) ? index : best), 0);
  return [Math.floor(place / side), place % side].map((at) => start + at * jump);
}

export default { render };
