// The page: what is chosen and painted goes to the studio, and what comes back is shown. Nothing is computed here.
import { $, ask, attempt, showError } from "./api.js";
import { watchCamera } from "./camera.js";
import { watchDonor } from "./donor.js";
import { bytes } from "./draw.js";
import { again, pick, showList, watchLists } from "./lists.js";
import { undo, watchPainting } from "./paint.js";
import { watchSaving } from "./save.js";
import { sliders } from "./sliders.js";
import { page, state } from "./state.js";
import { element, pictures, refresh } from "./views.js";

function watchControls() {
  for (const id of ["attack", "norm", "steps", "method", "target", "degrees"]) $(id).addEventListener("input", () => { sliders(); refresh(); });
  for (const id of ["strength", "side"]) $(id).addEventListener("input", () => { sliders(); if (state.seen) pictures(); });
  $("layer").addEventListener("input", () => { state.layer = state.seen.maps[Number($("layer").value)].name; pictures(); });
  $("model").addEventListener("input", () => { offerSecond(); refresh(); again(); });
  $("second").addEventListener("input", refresh);
  $("undo").addEventListener("click", undo);
  $("clear").addEventListener("click", () => { state.strokes = []; refresh(); });
  const turn = (by) => () => {
    const degrees = by ? Number($("degrees").value) + by : 0;
    $("degrees").value = degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
    sliders();
    refresh();
  };
  for (const [id, by] of [["left", 90], ["right", -90], ["upright", 0]]) $(id).addEventListener("click", turn(by));
  $("error-close").addEventListener("click", () => showError(null));
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
}

// The other models, the first of them chosen, unless another one was.
function offerSecond() {
  const { models } = page.about, first = Number($("model").value), chosen = $("second").dataset.chosen;
  $("second-row").hidden = models.length < 2;
  const others = models.map((text, i) => [i, text]).filter(([i]) => i !== first);
  $("second").replaceChildren(new Option("nothing", ""), ...others.map(([i, text]) => new Option(text, i)));
  $("second").value = chosen === "" ? "" : String(others[0]?.[0] ?? "");
  $("second").onchange = () => { $("second").dataset.chosen = $("second").value; };
}

function watchTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const name = () => { $("theme").textContent = isDark() ? "Light theme" : "Dark theme"; };
  $("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
}

const options = (id, values) => $(id).append(...values.map(([value, text]) => new Option(text, value)));

function fillIn(about) {
  options("model", about.models.map((text, i) => [i, text]));
  for (const id of ["class", "target"]) options(id, about.classes.map((text, i) => [i, text]));
  options("method", about.methods.map((one) => [one, one]));
  options("attack", about.attacks.map((one) => [one, one]));
  $("method").value = "grad-cam";
  $("steps").max = about.most_steps;
  $("side").max = Math.max(2, Math.round(Math.min(...about.size) / 2));
  $("side").value = Math.max(1, Math.round(Math.min(...about.size) / 4));
  $("fills").append(...[...about.fills, "donor"].map((one, i) => {
    const label = element("label"), input = element("input");
    Object.assign(input, { type: "radio", name: "fill", value: one, checked: i === 0 });
    label.append(input, one === "donor" ? "Another picture" : `${one[0].toUpperCase()}${one.slice(1)}`);
    return label;
  }));
  const where = about.split ? `Pictures: ${about.split.name} split of ${about.split.data}.` : "";
  const photos = `A photo is brought to ${about.size[1]} × ${about.size[0]} pixels by ${about.fit}.`;
  $("remarks").textContent = [...about.remarks, where, photos].filter(Boolean).join(" ");
}

// A page that comes back from the browser's memory goes on; else what it has opened is forgotten with it.
addEventListener("pagehide", (event) => {
  if (event.persisted || !page.about) return;
  navigator.sendBeacon("ask/end", new Blob([JSON.stringify({ page: page.about.page })], { type: "application/json" }));
});

watchTheme();
attempt(async () => {
  const about = await ask("begin");
  page.about = about;
  page.colours = { heat: bytes(about.heat), signed: bytes(about.signed) };
  fillIn(about);
  offerSecond();
  sliders();
  watchControls();
  watchLists();
  watchDonor();
  watchPainting();
  watchCamera();
  watchSaving();
  const { pictures: found } = await showList();
  if (found.length) await pick({ ref: { index: found[0].index }, name: found[0].name });
});
