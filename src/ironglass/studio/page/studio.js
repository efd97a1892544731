// The page: what is chosen and painted goes to the server, and what comes back is shown. Nothing is computed here.
import { bytes, cross, draw, picture, ramp, stroke, whole } from "./draw.js";

const $ = (id) => document.getElementById(id);
const state = { photo: null, strokes: [], model: 0, start: 0, number: 0, seen: null, layer: null, keyboard: null };
let about, colours, painting = null, asking = false, again = false;

class Refused extends Error {}

async function post(path, body, type) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
  } catch {
    throw new Refused("the studio does not answer: was it ended in its terminal?");
  }
  const value = await answer.json();
  if (value.error) throw new Refused(value.error);
  return value;
}
const ask = (name, given = {}) => post(`ask/${name}`, JSON.stringify({ page: about?.page, ...given }), "application/json");

function say(error) {
  $("error").hidden = !error;
  $("error").textContent = error ? error.message : "";
}
// Runs what a button does; what is refused is said, and the button waits until it is done.
async function attempt(work, button) {
  if (button) button.disabled = true;
  try {
    say(null);
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error);
  } finally {
    if (button) button.disabled = false;
  }
}

const chosen = () => ({
  ...state.photo, model: state.model, number: ++state.number,
  strokes: painting ? [...state.strokes, painting] : state.strokes,
  method: $("method").value, target: $("target").value === "" ? null : Number($("target").value),
  attack: $("attack").value, norm: $("norm").value, steps: Number($("steps").value),
});

// One request at a time; what changes meanwhile is asked for once it is back, so that the newest stroke wins.
async function refresh() {
  if (!state.photo) return;
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    const given = chosen(), started = performance.now();
    await attempt(async () => {
      const seen = await ask("view", given);
      if (seen.superseded) return;
      state.seen = { ...seen, strokes: given.strokes };
      show();
      const largest = seen.attacked === null ? "" : `, attacked away from ${about.classes[seen.attacked]} (largest change ${seen.largest.toFixed(4)})`;
      $("status").textContent = `${Math.round(performance.now() - started)} ms${largest}`;
    });
  } while (again);
  asking = false;
  if ($("again").open) lines();
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const name = (index) => (index < 0 ? "no class: the logits are no numbers" : about.classes[index]);

function show() {
  const seen = state.seen;
  if (!seen) return;
  pictures();
  ["before", "after"].forEach((side, i) => {
    const index = seen.predictions[i], row = seen.top.find((one) => one.class === index);
    const truth = seen.label === null || seen.label === index ? "" : ` (it is ${name(seen.label)})`;
    $(`said-${side}`).textContent = `${name(index)}${row ? `, ${percent(row[side])}` : ""}${truth}`;
    $(`said-${side}`).className = truth || (i && index !== seen.predictions[0]) ? "misread" : "";
  });
  $("bars").replaceChildren(...seen.top.map((row) => {
    const item = document.createElement("li"), made = {};
    for (const part of ["name", "pair", "values"]) {
      made[part] = document.createElement("span");
      made[part].className = part;
      item.append(made[part]);
    }
    made.name.textContent = made.name.title = name(row.class);
    made.values.textContent = `${percent(row.before)} → ${percent(row.after)}`;
    for (const [kind, share] of [["was", row.before], ["now", row.after]]) {
      const bar = document.createElement("span");
      bar.className = `bar ${kind}`;
      bar.style.width = `${100 * share}%`;
      made.pair.append(bar);
    }
    return item;
  }));
}

// The two canvases: picture, map, strokes that the server has not answered to, the keyboard's cross.
function pictures() {
  const seen = state.seen, map = theMap(), strength = Number($("strength").value) / 100;
  const scale = seen.by_layer ? colours.heat : colours.signed;
  for (const side of ["before", "after"]) draw($(side), seen[side], map, side, scale, !seen.by_layer, strength);
  const zoom = $("after").width / seen.after.width;
  for (const one of state.strokes.slice(seen.strokes.length)) stroke($("after"), one, zoom);
  if (painting) stroke($("after"), painting, zoom);
  if (state.keyboard) cross($("after"), state.keyboard, Number($("side").value), zoom);
  $("legend").hidden = !map;
  if (!map) return;
  ramp($("ramp"), scale);
  const top = map.scale.toPrecision(3), low = seen.by_layer ? "0" : `−${top}`;
  $("scale").textContent = `${low} to ${top}, evidence for ${name(seen.target)}; one scale for both`;
}

function theMap() {
  const { maps, by_layer: layered, layer } = state.seen;
  if (!maps.length) { $("layer-row").hidden = true; return null; }
  $("layer-row").hidden = !layered;
  if (!layered) return maps[0];
  const known = maps.findIndex((one) => one.name === (state.layer ?? layer));
  const at = known < 0 ? maps.findIndex((one) => one.name === layer) : known;
  $("layer").max = maps.length - 1;
  $("layer").value = at;
  $("layer-said").textContent = `${maps[at].name} (${at + 1} of ${maps.length})`;
  return maps[at];
}

function said() {
  $("side-said").textContent = `${$("side").value} px`;
  $("strength-said").textContent = `${$("strength").value} %`;
  const steps = Number($("steps").value);
  $("steps-said").textContent = $("norm").value === "linf" ? `${steps}/255` : (steps / about.steps.l2).toFixed(1);
}

// Pictures of the data
async function film() {
  const only = $("only").value, misread = only === "misread";
  const found = await ask("pictures", { start: state.start, model: state.model, misread, class: only === "" || misread ? null : Number(only) });
  $("earlier").disabled = state.start === 0;
  $("later").disabled = state.start + found.pictures.length >= found.n;
  const { data, name: split } = about.split ?? {};
  $("where").textContent = about.split ? `${data}, ${split}: ${found.n && state.start + 1}–${state.start + found.pictures.length} of ${found.n}${misread ? ` misread in the first ${found.read}` : ""}` : "no data: put in a photo";
  $("film").replaceChildren(...found.pictures.map((one) => {
    const button = document.createElement("button"), label = `${name(one.label)}, ${one.name}`;
    button.type = "button";
    button.role = "option";
    button.title = label;
    button.ariaLabel = label;
    button.dataset.index = one.index;
    button.append(picture(one.pixels));
    button.addEventListener("click", () => pick({ index: one.index }));
    return button;
  }));
  mark();
  return found;
}
function mark() {
  for (const one of $("film").children) one.ariaSelected = String(Number(one.dataset.index) === state.photo?.index);
}
function pick(photo) {
  state.photo = photo;
  state.strokes = [];
  mark();
  return refresh();
}
const put = (file) => attempt(async () => pick(await post(`photo/${about.page}`, file, "application/octet-stream")));

// Painting
const place = (event) => {
  const box = $("after").getBoundingClientRect(), { width, height } = state.seen.after;
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height].map((one) => Math.round(100 * one) / 100);
};
const tool = () => document.querySelector("[name=tool]:checked").value;
const fill = () => document.querySelector("[name=fill]:checked").value;

function rectangle([x, y], [toX, toY]) {
  const [left, top] = [Math.floor(Math.min(x, toX)), Math.floor(Math.min(y, toY))];
  return { kind: "rectangle", fill: fill(), top, left, height: Math.max(1, Math.ceil(Math.max(y, toY)) - top), width: Math.max(1, Math.ceil(Math.max(x, toX)) - left) };
}
let corner;
$("after").addEventListener("pointerdown", (event) => {
  if (!state.seen || event.button) return;
  $("after").setPointerCapture(event.pointerId);
  state.keyboard = null;
  corner = place(event);
  painting = tool() === "brush" ? { kind: "brush", fill: fill(), radius: Number($("side").value) / 2, points: [corner] } : rectangle(corner, corner);
  pictures();
  refresh();
});
$("after").addEventListener("pointermove", (event) => {
  if (!painting) return;
  const here = place(event);
  if (painting.kind === "brush") painting = { ...painting, points: [...painting.points, here] };
  else painting = rectangle(corner, here);
  pictures();
  refresh();
});
for (const end of ["pointerup", "pointercancel"]) {
  $("after").addEventListener(end, () => { if (painting) add(painting); });
}
function add(one) {
  painting = null;
  state.strokes = [...state.strokes, one];
  pictures();
  return refresh();
}
function undo() {
  state.strokes = state.strokes.slice(0, -1);
  refresh();
}
$("after").addEventListener("keydown", (event) => {
  if (!state.seen) return;
  const { width, height } = state.seen.after, side = Number($("side").value), far = event.shiftKey ? side : 1;
  const move = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
  state.keyboard ??= [width / 2, height / 2];
  const [x, y] = state.keyboard;
  if (move) state.keyboard = [Math.min(width, Math.max(0, x + move[0])), Math.min(height, Math.max(0, y + move[1]))];
  else if (event.key === "Enter" || event.key === " ") add(tool() === "brush" ? { kind: "brush", fill: fill(), radius: side / 2, points: [[x, y]] } : rectangle([x - side / 2, y - side / 2], [x + side / 2, y + side / 2]));
  else if (event.key === "Backspace") undo();
  else return;
  event.preventDefault();
  pictures();
});
$("after").addEventListener("blur", () => { state.keyboard = null; if (state.seen) pictures(); });

// What is kept
function save(content, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const numbers = () => ask("numbers", chosen());
async function lines() {
  await attempt(async () => {
    const found = await numbers();
    $("python").textContent = found.python;
    $("commands").textContent = found.commands;
  });
}
function savePicture() {
  const seen = state.seen, rows = seen.top.map((row) => ({ name: name(row.class), before: percent(row.before), after: percent(row.after), was: row.before, now: row.after }));
  const map = theMap(), shown = map ? `${$("method").value}, ${map.name}: ${$("scale").textContent}` : "";
  const captions = [`As it was: ${$("said-before").textContent}`, `Changed: ${$("said-after").textContent}`];
  const attack = seen.attacked === null ? "" : `${$("attack").value}, ${$("norm").value}, eps ${$("steps-said").textContent}. `;
  whole($("before"), $("after"), captions, rows, `${about.models[state.model]}. ${attack}${shown}`).toBlob((blob) => save(blob, "studio.png"));
}
const png = (text) => new Blob([bytes(text)], { type: "image/png" });
const KEEP = {
  "save-png": async () => savePicture(),
  "save-json": async () => save(new Blob([JSON.stringify(await numbers(), null, 1)], { type: "application/json" }), "studio.json"),
  "save-painted": async () => save(png((await numbers()).painted_png), "painted.png"),
  "save-photo": async () => save(png((await numbers()).photo_png), "photo.png"),
  worst: async () => {
    const found = await ask("worst", { ...chosen(), side: Number($("side").value), fill: fill() });
    await add(found.stroke);
  },
  smallest: async () => {
    if (!$("attack").value) $("attack").value = "pgd-20";
    const found = await ask("smallest", chosen());
    if (found.steps === null) throw new Refused(`no size up to the slider's end fools it with ${$("attack").value}`);
    if (found.steps !== undefined) $("steps").value = found.steps;
    said();
    await refresh();
  },
};
for (const [id, work] of Object.entries(KEEP)) $(id).addEventListener("click", (event) => state.seen && attempt(work, event.currentTarget));
for (const part of ["python", "commands"]) $(`copy-${part}`).addEventListener("click", () => navigator.clipboard.writeText($(part).textContent));
$("again").addEventListener("toggle", () => $("again").open && state.seen && lines());

// Controls
for (const id of ["attack", "norm", "steps", "method", "target"]) $(id).addEventListener("input", () => { said(); refresh(); });
for (const id of ["strength", "side"]) $(id).addEventListener("input", () => { said(); if (state.seen) pictures(); });
$("layer").addEventListener("input", () => { state.layer = state.seen.maps[Number($("layer").value)].name; pictures(); });
$("model").addEventListener("input", () => {
  state.model = Number($("model").value);
  refresh();
  if ($("only").value === "misread") { state.start = 0; attempt(film); }
});
$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", () => { state.strokes = []; refresh(); });
$("only").addEventListener("input", () => { state.start = 0; attempt(film); });
$("earlier").addEventListener("click", () => { state.start = Math.max(0, state.start - 24); attempt(film); });
$("later").addEventListener("click", () => { state.start += 24; attempt(film); });
$("photo").addEventListener("change", (event) => { if (event.target.files[0]) put(event.target.files[0]); event.target.value = ""; });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) put(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) put(event.clipboardData.files[0]); });
$("theme").addEventListener("click", () => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
});

const options = (id, values) => $(id).append(...values.map(([value, text]) => new Option(text, value)));
attempt(async () => {
  about = await ask("begin");
  colours = { heat: bytes(about.heat), signed: bytes(about.signed) };
  options("model", about.models.map((text, i) => [i, text]));
  for (const id of ["only", "target"]) options(id, about.classes.map((text, i) => [i, text]));
  options("method", about.methods.map((one) => [one, one]));
  options("attack", about.attacks.map((one) => [one, one]));
  $("method").value = "grad-cam";
  $("steps").max = about.most_steps;
  $("side").max = Math.max(2, Math.round(Math.min(...about.size) / 2));
  $("side").value = Math.max(1, Math.round(Math.min(...about.size) / 4));
  $("fills").append(...about.fills.map((one, i) => {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "fill", value: one, checked: i === 0 });
    label.append(input, one);
    return label;
  }));
  $("remarks").textContent = [...about.remarks, `Photos that are put in are brought to ${about.size[1]} × ${about.size[0]} pixels by ${about.fit}.`].join(" · ");
  said();
  const { pictures: found } = await film();
  if (found.length) await pick({ index: found[0].index });
});
