// The filter: the maps that go into a convolution as slabs, one map that comes out, and at one place the numbers that
// add up to it; the pixels that this place goes back to, through convolutions and poolings.
// given: {image: 784 pixels, network, filters: [{name, weight: {shape: [k, k], values}}]}; kept: {}.

import { addUp, byHand, convolutions } from "./maps.js";
import { colours as stageColours, escaped, format, mix, openStage, rgb } from "./stage.js";

const STYLE = `
.filter-views { display: flex; flex-wrap: wrap; gap: 12px 24px; margin: 10px 0 }
.filter-views figure { margin: 0; flex: 0 1 224px; min-width: 150px }
.filter-views figcaption, .filter-numbers caption { font-size: 13px; text-align: left; margin-bottom: 4px; padding: 0; white-space: nowrap;
  color: inherit; caption-side: top }
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
      <figure><figcaption>the digit: drag the window</figcaption><canvas class="digit" tabindex="0" role="application"
        aria-label="The digit with the window on it. Drag it, or move it with the arrow keys."></canvas></figure>
      <figure><figcaption class="out-words"></figcaption><canvas class="out" role="img"></canvas></figure>
    </div>
    <p class="trace"></p>
    <canvas class="filter-slabs" role="img"></canvas>
    <div class="filter-sums"></div>
    <div class="filter-numbers">
      <table class="inputs"></table><span>×</span><table class="weights"></table><span>=</span><table class="products"></table>
    </div>
    <p class="ex-said" style="margin-top: 10px"></p>`,
    STYLE,
  );
  const [layer, which, digit, out, slabs, sums] = [".layer", ".which", ".digit", ".out", ".filter-slabs", ".filter-sums"].map(stage.find);
  const tables = [".inputs", ".weights", ".products"].map(stage.find);
  let [part, filter, map] = [parts[0], 0, 0];
  let centre = [14, 14]; // of the window, in pixels of the digit: kept when another filter or layer is chosen

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
    tables.forEach((table) => (table.innerHTML = `<caption></caption>${row.repeat(part.size)}`));
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
    const alone = maps.length === 1 && bias ? `${format(printed[0] / 100)} + bias ${format(printed[1] / 100)} = ` : "";
    stage.find(".out-words").textContent = `the map that comes out: here ${sum}`;
    stage.say(`Row ${row}, column ${column}: ${alone}${sum}${total < 0 && part.relu ? "; the ReLU makes it 0" : ""}.`);
    [redrawDigit, redrawOut, redrawSlabs].forEach((draw) => draw());
  }

  function fill(now, captions) {
    const shown = stageColours(stage.root);
    tables.forEach((table, index) => {
      table.caption.textContent = captions[index];
      const colour = tints(now[index], shown, 0.5);
      [...table.querySelectorAll("td")].forEach((cell, at) => {
        cell.textContent = format(now[index][at]);
        cell.style.background = `rgb(${colour(now[index][at])})`;
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
    const { maps, out: outPicture } = pictures(colours);
    const [row, column] = place();
    const side = Math.min(height * 0.68, width * 0.34);
    const [lean, narrow] = [0.3, 0.5]; // of a slab seen from the side
    const gap = maps.length > 1 ? Math.min((width * 0.93 - side * 1.25) / maps.length, 26) : 0;
    const outLeft = Math.min(10 + gap * (maps.length - 1) + side * 0.95, width - side * narrow - 6);
    const corner = (left, x, y) => [left + x * side * narrow, 8 + side * lean + y * side - x * side * lean];
    const slab = (left, picture, strong) => {
      const { a: density } = context.getTransform();
      context.save();
      context.transform(narrow, -lean, 0, 1, left, 8 + side * lean);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, 0, 0, side, side);
      context.restore();
      outline(left, 0, 0, 1, 1, strong ? colours.text : colours.line, strong ? 2 : 1 / density + 0.3);
    };
    function outline(left, x, y, wide, tall, colour, thick) {
      context.beginPath();
      for (const [dx, dy] of [[0, 0], [1, 0], [1, 1], [0, 1]]) context.lineTo(...corner(left, x + dx * wide, y + dy * tall)); // prettier-ignore
      context.closePath();
      Object.assign(context, { strokeStyle: colour, lineWidth: thick });
      context.stroke();
    }
    const { side: inSide } = part.maps[0];
    const window = [(column - part.padding) / inSide, (row - part.padding) / inSide, part.size / inSide];
    maps.forEach((picture, index) => {
      slab(10 + index * gap, picture, index === map && maps.length > 1);
      outline(10 + index * gap, window[0], window[1], window[2], window[2], colours.two, index === map ? 2.5 : 1.2);
    });
    slab(outLeft, outPicture, false);
    const cell = [column / outSide(), row / outSide(), 1 / outSide()];
    outline(outLeft, ...cell, cell[2], colours.two, 2);
    context.lineWidth = 1;
    context.beginPath();
    for (const [dx, dy] of [[0, 0], [1, 0], [1, 1], [0, 1]]) { // prettier-ignore
      context.moveTo(...corner(10 + (maps.length - 1) * gap, window[0] + dx * window[2], window[1] + dy * window[2]));
      context.lineTo(...corner(outLeft, cell[0] + dx * cell[2], cell[1] + dy * cell[2]));
    }
    context.stroke();
    slabAt = (x) => Math.min(Math.max(Math.round((x - 10 - side * narrow * 0.5) / (gap || 1)), 0), maps.length - 1);
    slabs.setAttribute("aria-label", `${maps.length} map${maps.length > 1 ? "s" : ""} in, one out, the window in each`);
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

/** Colours from −reach (colour one) over 0 (paper) to reach (colour two) for values of a list, at most `strongest`. */
function tints(values, colours, strongest = 1) {
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  const [ground, one, two] = [colours.ground, colours.one, colours.two].map(rgb);
  return (value) => mix(ground, value < 0 ? one : two, (strongest * Math.abs(value)) / reach);
}

/** A map as a small picture, a pixel a number. */
function picture({ side, values }, colours) {
  const context = document.createElement("canvas").getContext("2d");
  context.canvas.width = context.canvas.height = side;
  const colour = tints(values, colours);
  context.putImageData(new ImageData(Uint8ClampedArray.from([...values].flatMap((value) => [...colour(value), 255])), side), 0, 0);
  return context.canvas;
}

export default { render };
