// Views: asked for, and shown. Nothing is computed here.
import { $, ask, attempt } from "./api.js";
import { draw, frame, ramp, stroke } from "./draw.js";
import { className, page, percent, request, second, state } from "./state.js";

let asking = false, again = false;
const afterwards = [];
// Registers what is done once the newest view is shown.
export const onView = (work) => afterwards.push(work);

// One request at a time; what changes meanwhile is asked for once it is back, so that the newest stroke wins.
export async function refresh() {
  if (!state.photo) return;
  if (asking) { again = true; return; }
  asking = true;
  busy(true);
  do {
    again = false;
    const asked = request(), started = performance.now();
    await attempt(async () => {
      const seen = await ask("view", asked);
      if (seen.superseded) return;
      state.seen = { ...seen, strokes: asked.strokes.length };
      show();
      const attack = seen.attacked === null ? "" : ` Attacked away from ${className(seen.attacked)}; largest change of a pixel ${seen.largest.toFixed(4)}.`;
      $("status").textContent = `${Math.round(performance.now() - started)} ms.${attack}`;
    });
  } while (again);
  asking = false;
  busy(false);
  for (const work of afterwards) work();
}

// Says to a screen reader that the images are about to change.
const busy = (is) => document.querySelector(".stage").setAttribute("aria-busy", String(is));

const outputs = () => (state.seen.second ? [state.seen, state.seen.second] : [state.seen]);
const ends = ["", "-second"];
const names = () => [Number($("model").value), second()].map((index) => page.about.models[index]);

export function show() {
  const seen = state.seen;
  if (!seen) return;
  const two = Boolean(seen.second);
  document.body.classList.toggle("two", two);
  for (const one of document.querySelectorAll(".stage .second")) one.hidden = !two;
  for (const [i, id] of ["name-first", "name-second"].entries()) {
    $(id).hidden = !two;
    const made = i === 0 && seen.attacked !== null ? " (the attack is made on this model)" : "";
    $(id).textContent = two ? `${names()[i]}${made}` : "";
  }
  outputs().forEach((output, model) => captions(output, model));
  $("words").hidden = !seen.words;
  if ($("words").textContent !== seen.words) $("words").textContent = seen.words;
  bars(two);
  pictures();
}

function captions(output, model) {
  for (const [i, when] of ["before", "after"].entries()) {
    const index = output.predictions[i], row = state.seen.top.find((one) => one.class === index);
    const wrong = state.seen.label !== null && state.seen.label !== index;
    const changed = i && index !== output.predictions[0];
    const text = $(`prediction-${when}${ends[model]}`);
    text.textContent = `${className(index)}${row ? ` ${percent(row.shares[model][i])}` : ""}${wrong ? `; label: ${className(state.seen.label)}` : ""}`;
    text.className = wrong || changed ? "wrong" : "";
  }
}

function bars(two) {
  $("bars").classList.toggle("two", two);
  $("bars-head").hidden = !two;
  $("bars-head").replaceChildren(...(two ? names() : []).map((one) => element("span", "", one)));
  $("bars").replaceChildren(...state.seen.top.map((row) => {
    const item = element("li"), name = element("span", "name", className(row.class));
    name.title = className(row.class);
    item.append(name);
    row.shares.forEach(([before, after], model) => {
      const pair = element("span", "pair");
      for (const [kind, share] of [["was", before], ["now", after]]) {
        const bar = element("span", `bar ${kind}`);
        bar.style.width = `${100 * share}%`;
        pair.append(bar);
      }
      const values = element("span", "values", `${percent(before)} → ${percent(after)}`);
      if (two) values.prepend(element("span", "model", `${names()[model]} `));
      item.append(pair, values);
    });
    return item;
  }));
}

export function element(kind, classes = "", text = "") {
  const made = document.createElement(kind);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  return made;
}

// The canvases: picture, map, strokes that the server has not answered to, the keyboard's frame.
export function pictures() {
  const seen = state.seen, strength = Number($("strength").value) / 100;
  outputs().forEach((output, model) => {
    const map = theMap(output, model), end = ends[model];
    const colours = output.by_layer ? page.colours.heat : page.colours.signed;
    for (const when of ["before", "after"]) draw($(when + end), seen[when], map, when, colours, !output.by_layer, strength);
    $(`legend${end}`).hidden = !map;
    if (!map) return;
    ramp($(`ramp${end}`), colours);
    const top = map.scale.toPrecision(3), what = `evidence for ${className(seen.target)}, ${map.name}`;
    const range = `${output.by_layer ? "0" : `−${top}`} to ${top}: ${what}; one scale for original and modified`;
    $(`scale${end}`).textContent = map.scale ? range : `No positive ${what}, in either image`;
  });
  const zoom = $("after").width / seen.after.width;
  for (const one of state.strokes.slice(seen.strokes)) stroke($("after"), one, zoom);
  if (state.painting) stroke($("after"), state.painting, zoom);
  if (state.frame) frame($("after"), state.frame, zoom);
}

// The layer that is chosen; of a second model the one of the same name, or else of about the same depth.
function theMap({ maps, by_layer: layered, layer }, model) {
  if (!model) $("layer-row").hidden = !(layered && maps.length);
  if (!maps.length) return null;
  if (!layered) return maps[0];
  const index = (name) => maps.findIndex((one) => one.name === name);
  const first = state.seen.maps, chosen = state.layer ?? state.seen.layer;
  let at = index(chosen);
  if (at < 0 && model) at = Math.round((first.findIndex((one) => one.name === chosen) * (maps.length - 1)) / Math.max(1, first.length - 1));
  if (at < 0) at = index(layer);
  const text = `${maps[at].name} (${at + 1} of ${maps.length})`;
  if (model) { if (maps[at].name !== chosen) $("layer-text").textContent += ` · ${text}`; return maps[at]; }
  $("layer").max = maps.length - 1;
  $("layer").value = at;
  $("layer-text").textContent = text;
  $("layer").setAttribute("aria-valuetext", text);
  return maps[at];
}
export const shownMap = (model = 0) => theMap(outputs()[model], model);
