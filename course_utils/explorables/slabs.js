// Maps as slabs seen from the side, a window through all that go in, its lines meeting in the one that comes out.

import { mix, rgb } from "./stage.js";

const [LEAN, NARROW] = [0.3, 0.5]; // of a slab seen from the side
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]; // prettier-ignore

/** Colours from −reach (colour one) over 0 (paper) to reach (colour two) for values of a list, at most `strongest`. */
function tints(values, colours) {
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  const [ground, one, two] = [colours.ground, colours.one, colours.two].map(rgb);
  return (value) => mix(ground, value < 0 ? one : two, Math.abs(value) / reach);
}

/** A map {side, values} as a small picture, a pixel a number. */
export function picture({ side, values }, colours) {
  const context = document.createElement("canvas").getContext("2d");
  context.canvas.width = context.canvas.height = side;
  const colour = tints(values, colours);
  const bytes = Uint8ClampedArray.from([...values].flatMap((value) => [...colour(value), 255]));
  context.putImageData(new ImageData(bytes, side), 0, 0);
  return context.canvas;
}

/**
 * Draw the pictures of maps that go in and of the one that comes out; `window` and `cell` are [left, top, side] as shares
 * of a map. What comes back tells which of the maps in lies at a place across the canvas.
 */
export function drawSlabs(context, width, height, colours, { maps, out, window, cell, chosen }) {
  const side = Math.min(height * 0.68, width * 0.34);
  const gap = maps.length > 1 ? Math.min((width * 0.93 - side * 1.25) / maps.length, 26) : 0;
  const last = 10 + gap * (maps.length - 1);
  const outLeft = Math.min(last + side * 0.95, width - side * NARROW - 6);
  const corner = (left, [x, y, size], [dx, dy]) => [
    left + (x + dx * size) * side * NARROW,
    8 + side * LEAN + (y + dy * size) * side - (x + dx * size) * side * LEAN,
  ];

  function outline(left, box, colour, thick) {
    context.beginPath();
    for (const way of CORNERS) context.lineTo(...corner(left, box, way));
    context.closePath();
    Object.assign(context, { strokeStyle: colour, lineWidth: thick });
    context.stroke();
  }
  function slab(left, picture, strong) {
    context.save();
    context.transform(NARROW, -LEAN, 0, 1, left, 8 + side * LEAN);
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, side, side);
    context.restore();
    outline(left, [0, 0, 1], strong ? colours.text : colours.line, strong ? 2 : 1);
  }

  maps.forEach((picture, index) => {
    slab(10 + index * gap, picture, index === chosen && maps.length > 1);
    outline(10 + index * gap, window, colours.two, index === chosen ? 2.5 : 1.2);
  });
  slab(outLeft, out, false);
  outline(outLeft, cell, colours.two, 2);
  context.lineWidth = 1;
  context.beginPath();
  for (const way of CORNERS) {
    context.moveTo(...corner(last, window, way));
    context.lineTo(...corner(outLeft, cell, way));
  }
  context.stroke();
  return (x) => Math.min(Math.max(Math.round((x - 10 - side * NARROW * 0.5) / (gap || 1)), 0), maps.length - 1);
}
