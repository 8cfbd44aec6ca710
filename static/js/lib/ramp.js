/** How well image and map agree, as five classes: colour for most, pattern and words for everybody. */

/** From "disagree" to "agree"; blue and orange are told apart with every kind of colour blindness. */
export const CLASSES = [
  { below: 0.2, label: "Disagree", colour: "#a84300", pattern: "cross" },
  { below: 0.4, label: "Probably disagree", colour: "#f0903a", pattern: "lines" },
  { below: 0.6, label: "Unclear", colour: "#f3dfae", pattern: "dots" },
  { below: 0.8, label: "Probably agree", colour: "#92c1e0", pattern: "none" },
  { below: Infinity, label: "Agree", colour: "#2b6ca8", pattern: "none" },
];

export const classOf = (probability) => CLASSES.find((one) => probability < one.below);

/** Fill a rectangle of a canvas with the class's colour and pattern. */
export function paint(context, cls, x, y, width, height) {
  context.fillStyle = cls.colour;
  context.fillRect(x, y, width, height);
  if (cls.pattern === "none" || width < 5) return;
  const step = Math.max(4, Math.min(10, width / 4));
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = cls.pattern === "cross" ? "rgb(255 255 255 / 75%)" : "rgb(60 30 0 / 60%)";
  context.fillStyle = context.strokeStyle;
  context.lineWidth = 1;
  if (cls.pattern === "dots") dots(context, x, y, width, height, step);
  else lines(context, x, y, width, height, step, cls.pattern === "cross");
  context.restore();
}

function dots(context, x, y, width, height, step) {
  for (let row = step / 2; row < height; row += step)
    for (let column = step / 2; column < width; column += step)
      context.fillRect(x + column - 0.75, y + row - 0.75, 1.5, 1.5);
}

function lines(context, x, y, width, height, step, crossed) {
  context.beginPath();
  for (let offset = -height; offset < width; offset += step) {
    context.moveTo(x + offset, y + height);
    context.lineTo(x + offset + height, y);
    if (!crossed) continue;
    context.moveTo(x + offset, y);
    context.lineTo(x + offset + height, y + height);
  }
  context.stroke();
}

/** A small sample of a class, for legends and lists. */
export function swatch(cls) {
  const canvas = document.createElement("canvas");
  canvas.width = 44;
  canvas.height = 32;
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  paint(context, cls, 0, 0, 22, 16);
  return canvas;
}
