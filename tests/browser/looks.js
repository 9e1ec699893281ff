// What can be seen: texts with less contrast than asked, and what is cut off.
const least = arguments[0];
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const context = canvas.getContext("2d", { willReadFrequently: true });
const rgba = (color) => {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, under) =>
  [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const light = ([r, g, b]) => {
  const linear = [r, g, b].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    layers.push(rgba(getComputedStyle(at).backgroundColor));
  }
  const plane = element.closest("svg.plane")?.querySelector("rect");
  if (plane) layers.unshift(rgba(getComputedStyle(plane).fill));
  return layers.reverse().reduce((a, b) => over(b, a), [255, 255, 255, 1]);
};
const found = { texts: 0, weak: [], cut: [] };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  const element = node.parentElement;
  if (!node.data.trim() || element.closest("script, style, #news")) continue;
  if (!element.checkVisibility({ checkVisibilityCSS: true })) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const box = range.getBoundingClientRect();
  if (!box.width || !box.height) continue;
  found.texts += 1;
  const style = getComputedStyle(element);
  const color = element.closest("svg") ? style.fill : style.color;
  const under = ground(element);
  const pair = [light(over(rgba(color), under)), light(under)];
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  const name = `${node.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`;
  if (ratio < least) found.weak.push(name);
  if (box.left < -1 || box.right > innerWidth + 1) found.cut.push(name);
}
return found;
