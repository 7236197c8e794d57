// What networks answer: ten probabilities as bars, or one value's place between 0 and 9, and both in words.

import { toDigit } from "./network.js";
import { escaped, format, percent, rgb } from "./stage.js";

export const ANSWERS_STYLE = `
.ex-answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(146px, 1fr)); gap: 14px 22px; margin: 10px 0 }
.ex-answer b { display: block; font-size: 13px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.ex-answer .words { font-variant-numeric: tabular-nums; display: block; min-height: 1.45em }
.ex-answer .plot, .ex-answer .digits { display: grid; grid-template-columns: repeat(10, 1fr); text-align: center }
.ex-answer .plot { position: relative; height: 58px; border-bottom: 1.5px solid var(--line); column-gap: 2px }
.ex-answer .plot i { background: var(--one-pale); transform-origin: bottom; transform: scaleY(0); height: 100% }
.ex-answer .plot i.read { background: var(--one) }
.ex-answer .plot u { position: absolute; bottom: 0; width: 0; height: 46px; border-left: 2.5px solid var(--two); display: none }
.ex-answer .plot u::before { content: ""; position: absolute; left: -7.5px; top: -6px; border: 6.5px solid transparent;
  border-top: 10px solid var(--two) }
.ex-answer .digits { font-size: 12.5px; line-height: 1.6 }
.ex-digit { display: block; background: currentColor; mask-size: 100% 100%; image-rendering: pixelated }
.ex-answer .digits .read { font-weight: 700; box-shadow: inset 0 -2px 0 currentColor }
`;

/** Put a place for each name's answer into `parent`; what comes back shows answers, in that order, or none (null). */
export function showAnswers(parent, names) {
  parent.classList.add("ex-answers");
  const places = names.map((name) => {
    const place = document.createElement("div");
    place.className = "ex-answer";
    place.setAttribute("role", "img");
    const digits = Array.from({ length: 10 }, (_, digit) => `<span>${digit}</span>`).join("");
    place.innerHTML =
      `<b title="${escaped(name)}">${escaped(name)}</b><span class="words"></span>` +
      `<div class="plot">${"<i></i>".repeat(10)}<u></u></div><div class="digits">${digits}</div>`;
    parent.append(place);
    const all = (selector) => [...place.querySelectorAll(selector)];
    return { name, place, words: place.querySelector(".words"), mark: place.querySelector("u"), bars: all("i"), digits: all("span:not(.words)") };
  });

  return (answers) => {
    places.forEach(({ name, place, words, mark, bars, digits }, index) => {
      const answer = answers?.[index];
      const value = answer?.length === 1;
      const digit = answer ? toDigit(answer) : -1;
      words.textContent = answer ? inWords(answer) : "…";
      place.setAttribute("aria-label", `${name}: ${answer ? inWords(answer) : "no answer yet"}`);
      mark.style.display = value ? "block" : "none";
      if (value) mark.style.left = `calc(${10 * Math.min(Math.max(answer[0], -0.45), 9.45) + 5}% - 1px)`;
      bars.forEach((bar, at) => {
        bar.style.transform = `scaleY(${answer && !value ? answer[at] : 0})`;
        bar.classList.toggle("read", at === digit);
      });
      digits.forEach((span, at) => span.classList.toggle("read", at === digit));
    });
  };
}

/** "7, 98 %", or "6.68, rounds to 7". */
export function inWords(answer) {
  const digit = toDigit(answer);
  return answer.length === 1 ? `${format(answer[0])}, rounds to ${digit}` : `${digit}, ${percent(answer[digit])}`;
}

/** "CNN reads 7, 98 %. Of 5 networks, 4 read 7, 1 reads 9." */
export function inOneSentence(names, answers) {
  const chosen = Math.max(names.indexOf("CNN"), 0);
  const counts = new Map();
  for (const answer of answers) counts.set(toDigit(answer), (counts.get(toDigit(answer)) ?? 0) + 1);
  const parts = [...counts].sort(([, one], [, other]) => other - one);
  const listed = parts.map(([digit, count]) => `${count} read${count === 1 ? "s" : ""} ${digit}`).join(", ");
  const all = names.length > 1 ? ` Of ${names.length} networks, ${listed}.` : "";
  return `${names[chosen]} reads ${inWords(answers[chosen])}.${all}`;
}

/** Draw pixels 0 to 255, 28×28, as ink on paper in the stage's colours. */
export function drawDigit(context, pixels, left, top, size, colours) {
  context.fillStyle = colours.ground;
  context.fillRect(left, top, size, size);
  context.imageSmoothingEnabled = false;
  context.drawImage(inked(pixels, rgb(colours.text)), left, top, size, size);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, size - 1, size - 1);
}

/** A small picture of pixels 0 to 255, 28×28, that takes the text's colour; its CSS gives it a size. */
export function digitMarkup(pixels) {
  return `<i class="ex-digit" style="mask-image: url(${inked(pixels, [0, 0, 0]).toDataURL()})"></i>`;
}

function inked(pixels, colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.canvas.width = context.canvas.height = 28;
  const values = Uint8ClampedArray.from([...pixels].flatMap((pixel) => [...colour, pixel]));
  context.putImageData(new ImageData(values, 28), 0, 0);
  return context.canvas;
}
