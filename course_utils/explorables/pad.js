// The pad: draw a digit; the frame as MNIST made it, and what each network answers, while it is drawn.
// given: {readers: [{name, network, temperature}], example: 784 pixels}; kept: {digits: [{pixels, answers}]}.

import { ANSWERS_STYLE, digitMarkup, drawDigit, inOneSentence, inWords, showAnswers } from "./answers.js";
import { toMnistFrame } from "./frame.js";
import { read } from "./network.js";
import { HELP, openPaper, PAPER_STYLE, SIDE } from "./paper.js";
import { escaped, openStage } from "./stage.js";

const MOST = 6; // tries that are kept
const WAYS = [
  "slant it", "make it small, in a corner", "take a thinner pen", "leave the strokes open", "cross the seven",
  "turn it a little", "make it as wide as the pad", "draw it as a child would",
]; // prettier-ignore

const STYLE = `
.pad-desk { display: flex; flex-wrap: wrap; gap: 14px 26px; align-items: flex-start }
.pad-desk .paper { flex: 0 1 300px; min-width: 240px }
.pad-beside { flex: 1 1 240px; min-width: 0 }
.pad-seen { display: flex; gap: 12px; align-items: flex-end; margin: 10px 0 }
.pad-seen canvas { width: 112px; height: 112px; flex: none }
.pad-beside .ex-slider { grid-template-columns: auto minmax(5em, 1fr) 1.5em }
.pad-way { margin-top: 10px }
.pad-earlier { display: flex; flex-wrap: wrap; gap: 12px 22px }
.pad-earlier figure { margin: 0; display: flex; gap: 8px; font-size: 12.5px; line-height: 1.4 }
.pad-earlier i { width: 56px; height: 56px; flex: none }
`;

function render({ model, el }) {
  const { readers, example } = model.get("given");
  const names = readers.map((reader) => reader.name);
  const stage = openStage(
    el,
    `<div class="pad-desk">
      <div class="paper"><canvas tabindex="0" role="application" aria-label="${HELP}"></canvas><div></div></div>
      <div class="pad-beside">
        <div class="pen"></div>
        <div class="pad-seen">
          <canvas role="img" aria-label="The drawing in 28 by 28 pixels"></canvas>
          <span>What the networks see: scaled to 20 × 20, centred on its ink, as MNIST's digits are.</span>
        </div>
        <div class="ex-row"><button class="clear">Clear</button><button class="another">Try another way</button></div>
        <p class="pad-way"></p>
        <p class="ex-said"></p>
      </div>
    </div>
    <div class="answers"></div>
    <div class="pad-earlier"></div>`,
    ANSWERS_STYLE + PAPER_STYLE + STYLE,
  );
  const [seen, way, earlier] = [".pad-seen canvas", ".pad-way", ".pad-earlier"].map(stage.find);
  const showAll = showAnswers(stage.find(".answers"), names);
  let frame = new Uint8Array(784);
  let answers = null;
  let ways = 0;

  function ask() {
    frame = toMnistFrame(paper.read(), SIDE, SIDE);
    answers = frame.some(Boolean) ? readers.map((reader) => read(reader, frame)) : null;
    showAll(answers);
    redrawSeen();
  }
  function report(words) {
    stage.say(words + (answers ? inOneSentence(names, answers) : "The pad is empty. Draw a digit."));
  }
  const redrawSeen = stage.paint(seen, (context, width, height, colours) => {
    drawDigit(context, frame, 0, 0, width, colours);
    context.setLineDash([3, 3]);
    context.strokeRect((4 * width) / 28, (4 * height) / 28, (20 * width) / 28, (20 * height) / 28);
    context.setLineDash([]);
  });

  // 3 gives a 7 as much ink as the mean 7 of MNIST has
  const pen = stage.slider(stage.find(".pen"), { name: "pen", min: 1, max: 4, step: 1, value: 3, show: String, input() {} });
  const paper = openPaper(stage, stage.find(".paper"), { pen: () => pen.value, onInk: ask, onRest: report });

  function keep() {
    paper.settle();
    if (!answers || paper.isExample()) return stage.say("The pad is empty. Draw a digit first.");
    const tried = { pixels: [...frame], answers: names.map((name, index) => `${name}: ${inWords(answers[index])}`) };
    model.set("kept", { ...model.get("kept"), digits: [tried, ...(model.get("kept").digits ?? [])].slice(0, MOST) });
    model.save_changes();
    way.textContent = `Once more, the same digit: ${WAYS[ways++ % WAYS.length]}.`;
    paper.clear();
    stage.say("Kept. Draw it again.");
  }
  function showEarlier() {
    earlier.innerHTML = (model.get("kept").digits ?? [])
      .map((tried) => [digitMarkup(tried.pixels), tried.answers.map(escaped).join("<br>")])
      .map(([digit, words]) => `<figure>${digit}<figcaption>${words}</figcaption></figure>`)
      .join("");
  }
  stage.listen(stage.find(".clear"), "click", paper.wipe);
  stage.listen(stage.find(".another"), "click", keep);
  model.on("change:kept", showEarlier);
  showEarlier();
  if (example) {
    paper.showExample(example);
    way.textContent = "An example. Draw your own digit over it.";
  }
  return () => {
    model.off("change:kept", showEarlier);
    stage.close();
  };
}

export default { render };
