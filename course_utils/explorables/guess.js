// A guess before the truth: a number, a choice or a sketched curve, and how sure; later laid over what came out.
import { dot, drawAxes, drawLine, scale } from "./plane.js";
import { escaped, format, openStage } from "./stage.js";
import { drawBoth, judge } from "./truth.js";

const COLUMNS = 40; // of a sketched curve
const TOLD = "explorable-guess"; // the event that tells the reveal of a guess, further down the page

const STYLE = `
.guess { border: 1px solid var(--line); border-left: 4px solid var(--one); border-radius: 6px; padding: 10px 14px; max-width: 44rem }
.guess .asked { margin: 0 0 6px; font-weight: 600 } .guess fieldset { border: 0; margin: 0 0 6px; padding: 0 }
.guess fieldset label { display: flex; gap: 8px; padding: 5px 0; align-items: baseline } .guess legend { padding: 0 }
.guess canvas { width: 100%; margin: 4px 0 } .guess .curve { height: 260px; cursor: crosshair } .guess .line { height: 78px }
.guess ul { list-style: none; margin: 0 0 8px; padding: 0 } .guess li { padding: 3px 0 3px 1.6em; text-indent: -1.6em }
.guess .mine { color: var(--one); font-weight: 600 } .guess .true { font-weight: 600 } .guess p:last-of-type { margin: 6px 0 0 }`;

function render({ model, el }) {
  const given = model.get("given");
  const { id, question, kind, choices = [], range, step, unit = "", within, across, up, truth, reveals } = given;
  const shown = (value) =>
    `${format(value, Math.min(3, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))))}${unit && ` ${unit}`}`;
  let [kept, stage] = [model.get("kept") ?? {}, null];

  function open(markup) {
    stage?.close();
    stage = openStage(el, `<div class="guess">${markup}</div>`, STYLE);
  }

  // The guess -----------------------------------------------------------------------------------------------------------

  function ask() {
    let [answer, sure] = [null, null];
    const asked = kind === "number" ? `, within ${shown(within)}` : "";
    open(`<p class="asked">Predict first: ${escaped(question)}</p><div class="answer"></div><div class="sure"></div>
      <div class="ex-row"><button class="commit" disabled>Commit my guess</button></div><p class="ex-said"></p>`);
    const commit = stage.find(".commit");
    const ready = () => (commit.disabled = answer === null || sure === null);
    const set = (value) => ((answer = value), ready());
    if (kind === "choice") {
      stage.find(".answer").innerHTML = `<fieldset><legend class="ex-hidden">${escaped(question)}</legend>${choices
        .map(
          (words, index) =>
            `<label><input type="radio" name="${escaped(id)}" value="${index}"><span>${escaped(words)}</span></label>`,
        )
        .join("")}</fieldset>`;
      stage.listen(stage.find("fieldset"), "change", ({ target }) => set(choices[target.value]));
    } else if (kind === "number") {
      const middle = (range[0] + range[1]) / 2;
      const slider = stage.slider(stage.find(".answer"), {
        name: "your guess",
        min: range[0],
        max: range[1],
        step,
        value: middle,
        input: set,
        show: (value) => (answer === null && value === middle ? "choose" : shown(value)),
      });
      stage.listen(slider.element.querySelector("input"), "pointerup", () => (set(slider.value), slider.set(slider.value)));
    } else sketch(set);
    const sureSlider = stage.slider(stage.find(".sure"), {
      name: `how sure${asked}`,
      min: 50,
      max: 100,
      step: 5,
      value: 50,
      show: (value) => (sure === null ? "choose" : `${value} %`),
      input: (value) => ((sure = value), sureSlider.set(value), ready()),
    });
    stage.listen(
      sureSlider.element.querySelector("input"),
      "pointerup",
      () => ((sure = sureSlider.value), sureSlider.set(sure), ready()),
    );
    stage.say(kind === "curve" ? "Draw the curve from left to right; or focus the figure and use the arrow keys." : "");
    stage.listen(commit, "click", () => keep({ answer, sure }));
  }

  /** A curve drawn with the pointer, or column by column with the arrow keys. */
  function sketch(set) {
    stage.find(".answer").innerHTML =
      `<canvas class="curve" tabindex="0" role="application" aria-label="Draw the curve. Left and right choose
      a place, up and down move the curve there."></canvas>`;
    const canvas = stage.find("canvas");
    const heights = Array(COLUMNS + 1).fill(null);
    let [column, last] = [0, null];
    const x = (index) => across[0] + (index / COLUMNS) * (across[1] - across[0]);
    const at = () => scale(canvas.clientWidth, canvas.clientHeight, across.slice(0, 2), up.slice(0, 2));
    const drawn = () => heights.flatMap((y, index) => (y === null ? [] : [[x(index), y]]));
    const clipped = (y) => Math.min(Math.max(y, up[0]), up[1]);
    const draw = stage.paint(canvas, (context, width, height, colours) => {
      drawAxes(context, at(), colours, across[2], up[2]);
      drawLine(
        context,
        drawn().map(([x, y]) => [at().X(x), at().Y(y)]),
        colours.one,
        3,
      );
      const here = heights[column] ?? (up[0] + up[1]) / 2;
      if (document.activeElement === canvas)
        dot(context, [at().X(x(column)), at().Y(here)], 5, colours.two, colours.ground);
    });
    function changed() {
      draw();
      set(drawn().length > COLUMNS * 0.6 ? drawn() : null);
    }
    stage.drag(canvas, (point) => {
      const index = Math.round(Math.min(Math.max((at().x(point.x) - across[0]) / (across[1] - across[0]), 0), 1) * COLUMNS);
      const y = clipped(at().y(point.y));
      const [from, low] = point.kind === "start" || !last ? [index, y] : last;
      for (let i = Math.min(from, index); i <= Math.max(from, index); i++)
        heights[i] = from === index ? y : low + ((i - from) / (index - from)) * (y - low);
      [last, column] = [[index, y], index];
      changed();
    });
    stage.arrows(canvas, (right, down) => {
      const here = heights[column] ?? (up[0] + up[1]) / 2;
      column = Math.min(Math.max(column + right, 0), COLUMNS);
      heights[column] = clipped((right ? (heights[column] ?? here) : here) - (down * (up[1] - up[0])) / 25);
      stage.say(`${across[2]} ${format(x(column), 1)}: ${format(heights[column])}`);
      changed();
    });
    for (const event of ["focus", "blur"]) stage.listen(canvas, event, draw);
  }

  function keep(guess) {
    kept = guess;
    model.set("kept", kept);
    model.save_changes();
    dispatchEvent(new CustomEvent(TOLD, { detail: { id, kept } }));
    kept.sure ? committed() : ask();
  }

  const mine = () => (kind === "curve" ? "the curve below" : kind === "number" ? shown(kept.answer) : `“${kept.answer}”`);

  function committed() {
    open(`<p class="asked">Predict first: ${escaped(question)}</p><p>Your guess: <span class="mine">${escaped(mine())}</span>, and you are
      ${kept.sure} % sure. Read on: further down it meets the truth.</p><div class="meeting"></div>
      <div class="ex-row"><button class="anew">Guess anew</button></div><p class="ex-said ex-hidden">Your guess is kept.</p>`);
    if (kind === "curve") picture(null);
    stage.listen(stage.find(".anew"), "click", () => keep({}));
  }

  // The truth -----------------------------------------------------------------------------------------------------------

  function reveal() {
    const [gap, right] = kept.sure ? judge(given, kept.answer, truth) : [];
    const verdict = !kept.sure
      ? "You made no guess."
      : `You were ${kept.sure} % sure, and ${right ? "you were right" : "it came out otherwise"}.`;
    const told = { choice: `It is “${truth}”.`, number: `It is ${kind === "number" ? shown(truth) : ""}${kept.sure ? `, ${shown(gap)} from your guess` : ""}.`,
      curve: kept.sure ? `On average your curve is ${format(gap)} away from it.` : "" }[kind]; // prettier-ignore
    open(`<p class="asked">${escaped(question)}</p><div class="meeting"></div><p class="ex-said"></p>`);
    if (kind === "choice") {
      stage.find(".meeting").innerHTML = `<ul>${choices
        .map(
          (words) => `<li class="${words === truth ? "true" : ""}">${words === truth ? "✓" : "○"}&ensp;${escaped(words)}
        ${words === kept.answer ? '<span class="mine">← your guess</span>' : ""}</li>`,
        )
        .join("")}</ul>`;
    } else picture(truth);
    stage.say(`${told} ${verdict}`);
  }

  function picture(truth) {
    const name = kind === "curve" ? "curve" : "line";
    stage.find(".meeting").innerHTML = `<canvas class="${name}" role="img" aria-label="The guess and the truth"></canvas>`;
    stage.paint(stage.find("canvas"), (...drawn) => drawBoth(...drawn, given, kept.answer, truth, shown));
  }

  const onGuess = ({ detail }) => {
    if (!reveals || detail.id !== id) return;
    kept = detail.kept;
    reveal();
  };
  addEventListener(TOLD, onGuess);
  if (reveals) reveal();
  else if (kept.sure) committed();
  else ask();
  return () => (removeEventListener(TOLD, onGuess), stage.close());
}

export default { render };
