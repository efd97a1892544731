// Painting on the modified image, with the pointer and with the keyboard.
import { $ } from "./api.js";
import { shiftFrom } from "./donor.js";
import { checked, side, state } from "./state.js";
import { pictures, refresh } from "./views.js";

const at = (event) => {
  const box = $("after").getBoundingClientRect(), { width, height } = state.seen.after;
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height].map((one) => Math.round(100 * one) / 100);
};

// The fill of a stroke that starts at a point; null where a donor is still to be chosen.
export function fill(start) {
  const name = checked("fill");
  if (name !== "donor") return name;
  return state.donor === null ? null : { donor: state.donor, shift: shiftFrom(start) };
}

function rectangle([x, y], [toX, toY], filled) {
  const [left, top] = [Math.floor(Math.min(x, toX)), Math.floor(Math.min(y, toY))];
  return { kind: "rectangle", fill: filled, top, left, height: Math.max(1, Math.ceil(Math.max(y, toY)) - top), width: Math.max(1, Math.ceil(Math.max(x, toX)) - left) };
}

export function add(one) {
  state.painting = null;
  state.strokes = [...state.strokes, one];
  pictures();
  return refresh();
}
export function undo() {
  state.strokes = state.strokes.slice(0, -1);
  return refresh();
}

function keyboard(event) {
  if (!state.seen) return;
  const { width, height } = state.seen.after;
  state.frame ??= { left: Math.round((width - side()) / 2), top: Math.round((height - side()) / 2), width: side(), height: side() };
  const frame = { ...state.frame }, resizes = event.ctrlKey || event.altKey;
  const step = event.shiftKey ? { x: frame.width, y: frame.height } : { x: 1, y: 1 };
  const [x, y] = { ArrowLeft: [-step.x, 0], ArrowRight: [step.x, 0], ArrowUp: [0, -step.y], ArrowDown: [0, step.y] }[event.key] ?? [0, 0];
  if (x || y) {
    if (resizes) { frame.width += x; frame.height += y; }
    else { frame.left += x; frame.top += y; }
  } else if (event.key === "+" || event.key === "-") {
    for (const one of ["width", "height"]) frame[one] += event.key === "+" ? 1 : -1;
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    return paintFrame();
  } else if (event.key === "Backspace") {
    event.preventDefault();
    return undo();
  } else return;
  event.preventDefault();
  frame.width = Math.min(width, Math.max(1, frame.width));
  frame.height = Math.min(height, Math.max(1, frame.height));
  frame.left = Math.min(width - frame.width, Math.max(0, frame.left));
  frame.top = Math.min(height - frame.height, Math.max(0, frame.top));
  state.frame = frame;
  $("frame").textContent = `Frame ${frame.width} × ${frame.height} pixels, at ${frame.left} from the left and ${frame.top} from the top`;
  pictures();
}
function paintFrame() {
  const { left, top, width, height } = state.frame, filled = fill([left, top]);
  if (filled === null) return;
  if (checked("tool") === "rectangle") return add(rectangle([left, top], [left + width, top + height], filled));
  return add({ kind: "brush", fill: filled, radius: Math.min(width, height) / 2, points: [[left + width / 2, top + height / 2]] });
}

export function watchPainting() {
  const canvas = $("after");
  let corner, filled;
  canvas.addEventListener("pointerdown", (event) => {
    if (!state.seen || event.button) return;
    corner = at(event);
    filled = fill(corner);
    if (filled === null) return;
    canvas.setPointerCapture(event.pointerId);
    state.frame = null;
    state.painting = checked("tool") === "brush" ? { kind: "brush", fill: filled, radius: side() / 2, points: [corner] } : rectangle(corner, corner, filled);
    pictures();
    refresh();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.painting) return;
    const here = at(event);
    if (state.painting.kind === "brush") state.painting = { ...state.painting, points: [...state.painting.points, here] };
    else state.painting = rectangle(corner, here, filled);
    pictures();
    refresh();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (state.painting) add(state.painting); });
  canvas.addEventListener("keydown", keyboard);
  canvas.addEventListener("blur", () => {
    state.frame = null;
    $("frame").textContent = "";
    if (state.seen) pictures();
  });
}
