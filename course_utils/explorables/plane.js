// Axes on a canvas, and what is drawn on a plane: shading, points of two classes, arrows.
import { format, mix, rgb } from "./stage.js";

const MARGIN = { left: 44, right: 10, top: 10, bottom: 38 };

/** The way from values to pixels (X, Y) and back (x, y), for ranges [low, high] of both axes. */
export function scale(width, height, [left, right], [low, high]) {
  const [across, up] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  return {
    width: across, height: up, xs: [left, right], ys: [low, high],
    X: (value) => MARGIN.left + ((value - left) / (right - left)) * across,
    Y: (value) => MARGIN.top + ((high - value) / (high - low)) * up,
    x: (pixel) => left + ((pixel - MARGIN.left) / across) * (right - left),
    y: (pixel) => high - ((pixel - MARGIN.top) / up) * (high - low),
  }; // prettier-ignore
}

/** Round numbers from low to high, about `most` of them. */
export function ticks([low, high], most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step - first + 1 + 1e-9) }, (_, index) => (first + index) * step);
}

/** Ticks, a frame and the axes' names. */
export function drawAxes(context, at, colours, xName = "", yName = "") {
  const [left, bottom] = [at.X(at.xs[0]), at.Y(at.ys[0])];
  const short = (number, all) => format(number, all.every((one) => Math.abs(one - Math.round(one)) < 1e-6) ? 0 : 1);
  context.save();
  Object.assign(context, {
    strokeStyle: colours.line,
    fillStyle: colours.text,
    lineWidth: 1,
    font: "12px system-ui, sans-serif",
  });
  context.strokeRect(left + 0.5, at.Y(at.ys[1]) + 0.5, at.width - 1, at.height - 1);
  Object.assign(context, { textAlign: "center", textBaseline: "top" });
  const [alongX, alongY] = [ticks(at.xs, Math.max(2, at.width / 70)), ticks(at.ys, Math.max(2, at.height / 55))];
  for (const x of alongX) {
    context.fillRect(at.X(x), bottom - 1, 1, 5);
    context.fillText(short(x, alongX), at.X(x), bottom + 6);
  }
  context.fillText(xName, left + at.width / 2, bottom + 21);
  Object.assign(context, { textAlign: "right", textBaseline: "middle" });
  for (const y of alongY) {
    context.fillRect(left - 4, at.Y(y), 5, 1);
    context.fillText(short(y, alongY), left - 7, at.Y(y));
  }
  context.translate(left - 34, at.Y(at.ys[1]) + at.height / 2);
  context.rotate(-Math.PI / 2);
  Object.assign(context, { textAlign: "center" });
  context.fillText(yName, 0, 0);
  context.restore();
}

/** Run `draw` where nothing leaves the frame of the axes. */
export function inside(context, at, draw) {
  context.save();
  context.beginPath();
  context.rect(at.X(at.xs[0]), at.Y(at.ys[1]), at.width, at.height);
  context.clip();
  draw();
  context.restore();
}

const CELLS = 72;
const cells = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS }).getContext("2d");

/** Colour the plane by a probability(x, y): one colour at 0, the ground at 0.5, the other colour at 1. */
export function shade(context, at, colours, probability) {
  const image = cells.createImageData(CELLS, CELLS);
  const [one, ground, two] = [colours["one"], colours["ground"], colours["two"]].map(rgb);
  const [low, high] = [mix(ground, one, 0.5), mix(ground, two, 0.5)];
  for (let row = 0; row < CELLS; row++) {
    const y = at.ys[1] - ((row + 0.5) / CELLS) * (at.ys[1] - at.ys[0]);
    for (let column = 0; column < CELLS; column++) {
      const lean = 2 * probability(at.xs[0] + ((column + 0.5) / CELLS) * (at.xs[1] - at.xs[0]), y) - 1;
      image.data.set([...mix(ground, lean < 0 ? low : high, Math.abs(lean)), 255], 4 * (row * CELLS + column));
    }
  }
  cells.putImageData(image, 0, 0);
  context.drawImage(cells.canvas, at.X(at.xs[0]), at.Y(at.ys[1]), at.width, at.height);
}

/** Circles for class 0 and squares for class 1; those whose answer is wrong have a dark rim. */
export function drawPoints(context, at, colours, points, labels, isWrong = () => false, size = 3.5) {
  points.forEach(([x, y], index) => {
    const wrong = isWrong(index);
    context.beginPath();
    if (labels[index]) context.rect(at.X(x) - size * 0.9, at.Y(y) - size * 0.9, 1.8 * size, 1.8 * size);
    else context.arc(at.X(x), at.Y(y), size, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: labels[index] ? colours.two : colours.one, lineWidth: wrong ? 1.6 : 1 });
    context.strokeStyle = wrong ? colours.text : colours.ground;
    context.fill();
    context.stroke();
  });
}

/** A line through places in pixels. */
export function drawLine(context, places, colour, width) {
  Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
  context.beginPath();
  places.forEach(([x, y]) => context.lineTo(x, y));
  context.stroke();
}

export function dot(context, [x, y], size, colour, rim = colour) {
  Object.assign(context, { fillStyle: colour, strokeStyle: rim, lineWidth: 2 });
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

/** Words at a place in pixels, on a rim of the ground's colour. */
export function label(context, text, [x, y], colours, align = "center") {
  Object.assign(context, { font: "13px system-ui, sans-serif", textAlign: align, textBaseline: "middle" });
  Object.assign(context, { strokeStyle: colours.ground, lineWidth: 4, lineJoin: "round", fillStyle: colours.text });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/** A straight arrow between two places in pixels. */
export function arrow(context, [x, y], [toX, toY], colour, width = 2.5) {
  const [length, angle] = [Math.hypot(toX - x, toY - y), Math.atan2(toY - y, toX - x)];
  if (length < 1) return;
  const head = Math.min(11, length);
  context.save();
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: width });
  context.translate(x, y);
  context.rotate(angle);
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(length - head * 0.7, 0);
  context.stroke();
  context.beginPath();
  context.moveTo(length, 0);
  context.lineTo(length - head, head * 0.5);
  context.lineTo(length - head, -head * 0.5);
  context.fill();
  context.restore();
}
