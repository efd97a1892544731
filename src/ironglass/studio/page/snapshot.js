// What is seen, as one canvas: the pictures of each model, their captions, the probabilities, and what was changed.

const GAP = 20, BAR = 44;

function lines(context, text, width) {
  const made = [""];
  for (const word of text.split(" ")) {
    const longer = `${made.at(-1)} ${word}`.trim();
    if (made.at(-1) && context.measureText(longer).width > width) made.push(word);
    else made[made.length - 1] = longer;
  }
  return made;
}

// rows: of each model its title, its legend, and its pictures {canvas, caption}. bars: name, and of each model {before,
// after, text}. notes: sentences below.
export function snapshot(rows, bars, notes) {
  const style = getComputedStyle(document.documentElement);
  const [paper, ink, muted, accent] = ["paper", "ink", "muted", "accent"].map((name) => style.getPropertyValue(`--${name}`).trim());
  const { width: side, height } = rows[0].pictures[0].canvas, made = document.createElement("canvas");
  const context = made.getContext("2d"), font = (size) => { context.font = `${size}px system-ui, sans-serif`; };
  made.width = 2 * side + 3 * GAP;
  font(18);
  const below = notes.filter(Boolean).flatMap((note) => lines(context, note, made.width - 2 * GAP));
  const block = height + 116;
  made.height = rows.length * block + 20 + bars.length * (BAR * rows.length + 12) + 26 * below.length + 30;
  context.fillStyle = paper;
  context.fillRect(0, 0, made.width, made.height);
  const text = (words, x, y, width, colour = ink, size = 20) => {
    font(size);
    context.fillStyle = colour;
    context.fillText(words, x, y, width);
  };
  rows.forEach((row, i) => {
    const top = i * block;
    text(row.title, GAP, top + 32, made.width - 2 * GAP, ink, 22);
    row.pictures.forEach(({ canvas, caption }, j) => {
      const left = GAP + j * (side + GAP);
      text(caption, left, top + 62, side);
      context.drawImage(canvas, left, top + 74, side, height);
    });
    text(row.legend, GAP, top + height + 98, made.width - 2 * GAP, muted, 16);
  });
  const first = rows.length * block + 10;
  bars.forEach((bar, i) => {
    const top = first + i * (BAR * rows.length + 12);
    text(bar.name, GAP, top + 20, 280);
    bar.shares.forEach((share, model) => {
      const y = top + model * BAR;
      if (rows.length > 1) text(rows[model].title, 320, y + 20, 150, muted, 16);
      text(share.text, made.width - 210, y + 20, 190);
      [[share.before, muted], [share.after, accent]].forEach(([value, colour], j) => {
        context.fillStyle = colour;
        context.fillRect(480, y + 4 + 13 * j, Math.max(1, value * (made.width - 710)), 10);
      });
    });
  });
  below.forEach((line, i) => text(line, GAP, made.height - 26 * (below.length - i) + 2, made.width - 2 * GAP, muted, 18));
  return made;
}
