// The morph: one digit blended into another; a regression's one number beside a classifier's ten probabilities.
// given: {readers: [{name, network}], images: ten digits of 784 pixels, from, to}; kept: {}.

import { ANSWERS_STYLE, drawDigit, inWords, showAnswers } from "./answers.js";
import { read } from "./network.js";
import { openStage, percent } from "./stage.js";

const PARTS = 50; // steps from one digit to the other

const STYLE = `
.morph-top { display: flex; flex-wrap: wrap; gap: 14px 26px; align-items: flex-start }
.morph-top > canvas { width: 150px; height: 150px; flex: none }
.morph-top > div { flex: 1 1 300px; min-width: 0 }
.morph-top .answers { grid-template-columns: repeat(auto-fit, minmax(146px, 1fr)); margin: 0 }
.morph-way { width: 100%; height: 230px; margin-top: 6px; cursor: ew-resize; border-radius: 4px }
.morph .ex-slider { grid-template-columns: auto minmax(6em, 1fr) 3.5em; max-width: none; margin: 10px 0 0 }
.morph-key { display: flex; flex-wrap: wrap; gap: 2px 20px; font-size: 13px }
.morph-key span::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px; background: var(--one) }
.morph-key span.value::before { height: 3px; width: 18px; border-radius: 0; vertical-align: 4px; background: var(--two) }
`;

function render({ model, el }) {
  const { readers, images, ...start } = model.get("given");
  const names = readers.map((reader) => reader.name);
  const options = (chosen) =>
    Array.from({ length: 10 }, (_, digit) => `<option ${digit === chosen ? "selected" : ""}>${digit}</option>`).join("");
  const stage = openStage(
    el,
    `<div class="morph">
      <div class="morph-top">
        <canvas role="img"></canvas>
        <div>
          <div class="ex-row" style="margin-bottom: 12px">
            <label>from a <select class="from">${options(start.from)}</select></label>
            <label>to a <select class="to">${options(start.to)}</select></label>
          </div>
          <div class="answers"></div>
        </div>
      </div>
      <div class="slider"></div>
      <canvas class="morph-way" tabindex="0" role="slider" aria-valuemin="0" aria-valuemax="100"
        aria-label="how far the digit is on its way"></canvas>
      <div class="morph-key"></div>
    </div>`,
    ANSWERS_STYLE + STYLE,
  );
  const [canvas, chart, from, to] = [".morph-top > canvas", ".morph-way", ".from", ".to"].map(stage.find);
  const showAll = showAnswers(stage.find(".answers"), names);
  let part = 0;
  let way = []; // what each reader answers at each part of the way

  const digit = (value) => new Uint8Array(images.buffer, images.byteOffset + 784 * value, 784);
  function blend(share) {
    const [first, last] = [digit(+from.value), digit(+to.value)];
    return first.map((pixel, index) => Math.round(pixel + (last[index] - pixel) * share));
  }

  function choose() {
    way = Array.from({ length: PARTS + 1 }, (_, at) => {
      const pixels = blend(at / PARTS);
      return { pixels, answers: readers.map((reader) => read(reader, pixels)) };
    });
    move(part);
  }

  function move(next) {
    part = Math.min(Math.max(next, 0), PARTS);
    const { answers } = way[part];
    slider.set(part);
    showAll(answers);
    const words = `${percent(part / PARTS)} of the way from ${from.value} to ${to.value}`;
    canvas.setAttribute("aria-label", `A digit, ${words}`);
    chart.setAttribute("aria-valuenow", Math.round((100 * part) / PARTS));
    chart.setAttribute("aria-valuetext", words);
    stage.say(`${words}: ${names.map((name, index) => `${name} reads ${inWords(answers[index])}`).join("; ")}.`);
    redraw();
    redrawChart();
  }

  const redraw = stage.paint(canvas, (context, width, _, colours) => drawDigit(context, way[part].pixels, 0, 0, width, colours));

  const place = (width, height) => ({
    x: (at) => 26 + (at / PARTS) * (width - 40),
    y: (value) => height - 12 - ((value + 0.4) / 9.8) * (height - 22),
  });
  const redrawChart = stage.paint(chart, (context, width, height, colours) => {
    const { x, y } = place(width, height);
    context.font = "13px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (let value = 0; value < 10; value++) {
      const meant = value === +from.value || value === +to.value;
      context.fillStyle = colours.text;
      context.font = `${meant ? "bold " : ""}13px system-ui, sans-serif`;
      context.fillText(value, 6, y(value));
      context.fillStyle = meant ? colours.line : colours.faint;
      context.fillRect(x(0), y(value) - 0.5, x(PARTS) - x(0), 1);
    }
    readers.forEach((_, index) => (way[0].answers[index].length === 1 ? drawValue : drawShares)(index));
    context.fillStyle = colours.text;
    context.fillRect(x(part) - 1, 0, 2, height);

    function drawShares(index) {
      context.fillStyle = colours.one;
      const largest = Math.min((x(1) - x(0)) * 0.75, 8);
      way.forEach(({ answers }, at) => {
        answers[index].forEach((share, value) => {
          if (share < 0.004) return;
          context.beginPath();
          context.arc(x(at), y(value), largest * Math.sqrt(share), 0, 7); // its area is the probability
          context.fill();
        });
      });
    }
    function drawValue(index) {
      context.strokeStyle = colours.two;
      context.lineWidth = 3;
      context.beginPath();
      way.forEach(({ answers }, at) => context.lineTo(x(at), y(Math.min(Math.max(answers[index][0], -0.4), 9.4))));
      context.stroke();
    }
  });

  const slider = stage.slider(stage.find(".slider"), {
    name: "on its way", min: 0, max: PARTS, step: 1, value: 0, show: (at) => percent(at / PARTS), input: (at) => move(at),
  }); // prettier-ignore
  stage.drag(chart, ({ x }) => move(Math.round(((x - 26) / (chart.clientWidth - 40)) * PARTS)), "pan-y");
  stage.arrows(chart, (x, y, event) => move(part + (x - y) * (event.shiftKey ? 5 : 1)));
  stage.key(chart, { Home: () => move(0), End: () => move(PARTS) });
  stage.listen(from, "change", choose);
  stage.listen(to, "change", choose);
  choose();
  const keys = names.map((name, index) => {
    return way[0].answers[index].length === 1
      ? `<span class="value">${name}: its one number</span>`
      : `<span>${name}: a dot's area is that digit's probability</span>`;
  });
  stage.find(".morph-key").innerHTML = keys.join("");
  return stage.close;
}

export default { render };
