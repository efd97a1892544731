// Drawing: pictures with maps over them, strokes while they are being painted.

export const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

function canvas(width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  return made;
}

// A picture of red, green and blue bytes; grey: how far its colours give way to a map's, 0 to 1.
export function picture({ width, height, rgb }, grey = 0) {
  const made = canvas(width, height), context = made.getContext("2d");
  const data = context.createImageData(width, height), from = bytes(rgb);
  for (let i = 0, j = 0; i < from.length; i += 3, j += 4) {
    const luma = 0.299 * from[i] + 0.587 * from[i + 1] + 0.114 * from[i + 2];
    for (let k = 0; k < 3; k++) data.data[j + k] = from[i + k] + grey * (luma - from[i + k]);
    data.data[j + 3] = 255;
  }
  context.putImageData(data, 0, 0);
  return made;
}

// A map of places in a scale of 256 colours: where it says nothing the picture shows through.
function coloured(places, width, height, colours, signed, strength) {
  const made = canvas(width, height), context = made.getContext("2d");
  const data = context.createImageData(width, height);
  places.forEach((place, i) => {
    const share = signed ? Math.abs(place - 127.5) / 127.5 : place / 255;
    for (let k = 0; k < 3; k++) data.data[4 * i + k] = colours[3 * place + k];
    data.data[4 * i + 3] = 255 * Math.min(1, Math.sqrt(share)) * strength;
  });
  context.putImageData(data, 0, 0);
  return made;
}

// The picture on its canvas, with the map of one side ("before" or "after") where there is one.
export function draw(target, pixels, map, side, colours, signed, strength) {
  const context = target.getContext("2d");
  target.height = Math.round((target.width * pixels.height) / pixels.width);
  context.imageSmoothingEnabled = pixels.width > 160;
  context.drawImage(picture(pixels, map ? strength : 0), 0, 0, target.width, target.height);
  if (!map) return;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(coloured(bytes(map[side]), map.width, map.height, colours, signed, strength), 0, 0, target.width, target.height);
}

const PAINT = { black: "#000", grey: "#808080", white: "#fff" }, UNKNOWN = "#80808099";

// A stroke as it is being painted, until the server's own picture of it comes. zoom: canvas pixels a pixel.
export function stroke(target, one, zoom) {
  const context = target.getContext("2d");
  context.fillStyle = context.strokeStyle = PAINT[one.fill] ?? UNKNOWN;
  if (one.kind === "rectangle") {
    context.fillRect(one.left * zoom, one.top * zoom, one.width * zoom, one.height * zoom);
    return;
  }
  context.lineWidth = 2 * one.radius * zoom;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(one.points[0][0] * zoom, one.points[0][1] * zoom);
  for (const [x, y] of one.points) context.lineTo(x * zoom + 0.01, y * zoom);
  context.stroke();
}

// The frame of the keyboard: what Enter would paint.
export function frame(target, { left, top, width, height }, zoom) {
  const context = target.getContext("2d");
  for (const [colour, line] of [["#000", 5], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(left * zoom, top * zoom, width * zoom, height * zoom);
  }
}

// A marked point.
export function mark(target, [x, y], zoom) {
  const context = target.getContext("2d");
  for (const [colour, line] of [["#000", 5], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    context.moveTo(x * zoom - 12, y * zoom);
    context.lineTo(x * zoom + 12, y * zoom);
    context.moveTo(x * zoom, y * zoom - 12);
    context.lineTo(x * zoom, y * zoom + 12);
    context.stroke();
  }
}

export function ramp(target, colours) {
  const context = target.getContext("2d"), data = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) {
    for (let k = 0; k < 3; k++) data.data[4 * i + k] = colours[3 * i + k];
    data.data[4 * i + 3] = 255;
  }
  context.putImageData(data, 0, 0);
}
