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

const CELLS = 64;
const cells = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS }).getContext("2d");
const inks = new Map(); // the bytes of 256 colours from one to the other, by the colours' names

function inksOf({ one, ground, two }) {
  const name = [one, ground, two].join();
  if (!inks.has(name)) {
    const [low, middle, high] = [one, ground, two].map(rgb);
    const leans = Array.from({ length: 256 }, (_, level) => (2 * level) / 255 - 1);
    inks.set(name, Uint8ClampedArray.from(leans.flatMap((lean) => [...mix(middle, lean < 0 ? low : high, Math.abs(lean) / 2), 255])));
  }
  return inks.get(name);
}

/** Colour the plane by a probability(x, y): one colour at 0, the ground at 0.5, the other colour at 1. */
export function shade(context, at, colours, probability) {
  const [image, ink] = [cells.createImageData(CELLS, CELLS), inksOf(colours)];
  const [width, height] = [(at.xs[1] - at.xs[0]) / CELLS, (at.ys[1] - at.ys[0]) / CELLS];
  for (let row = 0; row < CELLS; row++) {
    const y = at.ys[1] - (row + 0.5) * height;
    for (let column = 0; column < CELLS; column++) {
      const level = 4 * Math.round(255 * probability(at.xs[0] + (column + 0.5) * width, y));
      for (let part = 0; part < 4; part++) image.data[4 * (row * CELLS + column) + part] = ink[level + part];
    }
  }
  cells.putImageData(image, 0, 0);
  context.drawImage(cells.canvas, at.X(at.xs[0]), at.Y(at.ys[1]), at.width, at.height);
}

/** Circles for class 0 and squares for class 1; those whose answer is wrong have a dark rim. */
export function drawPoints(context, at, colours, points, labels, isWrong = () => false, size = 3.5) {
  const paths = [0, 1, 2, 3].map(() => new Path2D()); // by class, and by whether the answer is wrong
  points.forEach(([x, y], index) => {
    const path = paths[2 * isWrong(index) + labels[index]];
    const [right, down] = [at.X(x), at.Y(y)];
    if (labels[index]) path.rect(right - size * 0.9, down - size * 0.9, 1.8 * size, 1.8 * size);
    else {
      path.moveTo(right + size, down);
      path.arc(right, down, size, 0, 2 * Math.PI);
    }
  });
  paths.forEach((path, group) => {
    Object.assign(context, { fillStyle: group % 2 ? colours.two : colours.one, lineWidth: group < 2 ? 1 : 1.6 });
    context.strokeStyle = group < 2 ? colours.ground : colours.text;
    context.fill(path);
    context.stroke(path);
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
