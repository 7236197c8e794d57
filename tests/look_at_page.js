// What a reader of the page could not read: texts too faint on what lies behind them, and what is cut.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  function colour(text) {
    if (!seen.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(text, [red, green, blue, alpha / 255]);
    }
    return seen.get(text);
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  function behind(element) {
    if (!element) return [255, 255, 255, 1];
    const own = colour(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  }
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);

  const faint = new Set();
  let measured = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.data.trim();
    if (!words || element.closest("script, style, :disabled")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    measured += 1;
    const ground = behind(element);
    const lights = [light(over(colour(getComputedStyle(element).color), ground)), light(ground)];
    const contrast = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    if (contrast < 4.5) faint.add(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${words.slice(0, 40)}`);
  }

  const cut = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) cut.push(`the page is ${wide} wide`);
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest(".unseen, .skip, .ex-hidden, svg, math")) continue;
    const box = element.getBoundingClientRect();
    const { overflowX, overflowY } = getComputedStyle(element);
    const name = `${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 30)}`;
    const outside = box.width && (box.right > innerWidth + 1 || box.left < -1);
    if (outside && !element.closest(".scrolls")) cut.push(`out of the page: ${name}`);
    const [across, down] = [element.scrollWidth - element.clientWidth, element.scrollHeight - element.clientHeight];
    if (/hidden|clip/.test(overflowX) && across > 1) cut.push(`cut: ${name}`);
    if (/hidden|clip/.test(overflowY) && down > 2) cut.push(`cut below: ${name}`);
  }
  return { measured, faint: [...faint], cut: cut.slice(0, 20) };
}
