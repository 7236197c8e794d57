// A guess beside the truth: how far apart they are, and a drawing of both.
import { arrow, drawAxes, drawLine, label, scale } from "./plane.js";

/** How far a guess is from the truth, and whether that is near enough: [distance, right]. */
export function judge({ kind, within, up }, answer, truth) {
  if (kind === "choice") return [answer === truth ? 0 : 1, answer === truth];
  if (kind === "number") return [Math.abs(answer - truth), Math.abs(answer - truth) <= within + 1e-9];
  const gaps = truth.map(([x, y]) => Math.abs(heightAt(answer, x) - Math.min(Math.max(y, up[0]), up[1])));
  const gap = gaps.reduce((sum, one) => sum + one, 0) / gaps.length;
  return [gap, gap <= within];
}

/** A sketch's height at x: sketches are [x, y] pairs from left to right. */
function heightAt(sketch, x) {
  const next = sketch.findIndex(([right]) => right >= x);
  if (next <= 0) return sketch.at(next)[1];
  const [[x0, y0], [x1, y1]] = [sketch[next - 1], sketch[next]];
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** Draw a guess in the one colour and the truth in the other, each with its name, on a line or on axes. */
export function drawBoth(context, width, height, colours, given, guessed, truth, shown) {
  if (given.kind === "curve") return drawCurves(context, width, height, colours, given, guessed, truth);
  const { range } = given;
  const X = (value) => 30 + ((clipped(value, range) - range[0]) / (range[1] - range[0])) * (width - 60);
  drawLine(context, [[30, 40], [width - 30, 40]], colours.line, 2); // prettier-ignore
  for (const end of range) label(context, shown(end), [X(end), 58], colours);
  const mark = (value, from, to, words, colour) => {
    arrow(context, [X(value), from], [X(value), to], colour, 3);
    const right = X(value) > width / 2;
    label(context, words, [X(value) + (right ? -8 : 8), from], colours, right ? "right" : "left");
  };
  if (guessed !== undefined) mark(guessed, 12, 34, `your guess ${shown(guessed)}`, colours.one);
  mark(truth, 74, 46, `it is ${shown(truth)}`, colours.two);
}

function drawCurves(context, width, height, colours, { across, up }, guessed, truth) {
  const at = scale(width, height, across.slice(0, 2), up.slice(0, 2));
  const draw = (places, colour, name, share, side) => {
    const pixels = places.map(([x, y]) => [at.X(x), at.Y(clipped(y, up))]);
    drawLine(context, pixels, colour, 3);
    const [x, y] = pixels[Math.floor(share * (pixels.length - 1))];
    label(context, name, [x, y + side], colours);
  };
  drawAxes(context, at, colours, across[2], up[2]);
  if (guessed) draw(guessed, colours.one, "your guess", 0.35, -14);
  if (truth) draw(truth, colours.two, "what came out", 0.65, 16);
}

const clipped = (value, [low, high]) => Math.min(Math.max(value, low), high);
