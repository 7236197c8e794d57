// Parity: does the network answer in this browser as it answered in torch? It says so when the page opens.
// given: {reader: {network, temperature}, images: N·784 pixels, answers: [N, k] float32}; kept: {}.

import { numbers, read, toDigit } from "./network.js";
import { format, openStage } from "./stage.js";

function render({ model, el }) {
  const { reader, images, answers } = model.get("given");
  const stage = openStage(el, `<p class="ex-said"></p>`);
  const pixels = new Uint8Array(images.buffer, images.byteOffset, images.byteLength);
  const expected = numbers(answers);
  const [count, width] = answers.shape;
  let [same, apart] = [0, 0];
  for (let index = 0; index < count; index++) {
    const answer = read(reader, pixels.subarray(784 * index, 784 * (index + 1)));
    const wanted = expected.subarray(width * index, width * (index + 1));
    same += toDigit(answer) === toDigit(wanted);
    answer.forEach((value, place) => (apart = Math.max(apart, Math.abs(value - wanted[place]))));
  }
  const least = apart < 0.000001 ? "below 0.000001" : format(apart, 6);
  stage.say(`This browser has just read ${count} digits. It reads ${same} of them as torch did; the largest difference between two answers is ${least}.`);
  return stage.close;
}

export default { render };
