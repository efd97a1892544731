// What is kept: the view as a picture, the numbers, the images, and the lines that reproduce them.
import { $, Refused, ask, attempt } from "./api.js";
import { bytes } from "./draw.js";
import { add, fill } from "./paint.js";
import { snapshot } from "./snapshot.js";
import { className, page, percent, request, second, side, state } from "./state.js";
import { onView, refresh, shownMap } from "./views.js";
import { sliders } from "./sliders.js";

function save(content, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const png = (text) => new Blob([bytes(text)], { type: "image/png" });
const numbers = () => ask("numbers", request());

function lines() {
  if (!$("again").open || !state.photo) return null;
  return attempt(async () => {
    const { python, commands } = await numbers();
    $("python").textContent = python;
    $("commands").textContent = commands;
  });
}

function saveView() {
  const seen = state.seen, models = [Number($("model").value), ...(seen.second ? [second()] : [])];
  const rows = models.map((model, i) => {
    const end = i ? "-second" : "", map = shownMap(i);
    return {
      title: page.about.models[model], legend: map ? $(`scale${end}`).textContent : "",
      pictures: ["before", "after"].map((when) => ({ canvas: $(when + end), caption: $(`caption-${when}${end}`).textContent })),
    };
  });
  const bars = seen.top.map((row) => ({
    name: className(row.class),
    shares: row.shares.map(([before, after]) => ({ before, after, text: `${percent(before)} → ${percent(after)}` })),
  }));
  const degrees = Number($("degrees").value);
  const changes = [
    degrees ? `rotated by ${degrees}°` : "", state.strokes.length ? `${state.strokes.length} strokes` : "",
    seen.attacked === null ? "" : `${$("attack").value}, ${$("norm").value}, eps ${$("steps-text").textContent}`,
  ].filter(Boolean);
  const note = `Modified: ${changes.join("; ") || "nothing"}. Map: ${$("method").value || "none"}.`;
  snapshot(rows, bars, [seen.words, note]).toBlob((blob) => save(blob, "studio.png"));
}

const WORK = {
  "save-png": async () => saveView(),
  "save-json": async () => save(new Blob([JSON.stringify(await numbers(), null, 1)], { type: "application/json" }), "studio.json"),
  "save-photo": async () => save(png((await numbers()).photo_png), "photo.png"),
  "save-painted": async () => save(png((await numbers()).painted_png), "painted.png"),
  "save-modified": async () => save(png((await numbers()).modified_png), "modified.png"),
  "save-donors": async () => (await numbers()).donor_pngs.forEach((one, i) => save(png(one), `donor-${i}.png`)),
  worst: async () => {
    const worst = await ask("worst", { ...request(), side: side(), fill: fill([0, 0]) });
    if (!worst.superseded) await add(worst.stroke);
  },
  smallest: async () => {
    if (!$("attack").value) $("attack").value = "pgd-20";
    const smallest = await ask("smallest", request());
    if (smallest.steps === null) throw new Refused(`no eps up to the slider's end fools it with ${$("attack").value}`);
    if (smallest.steps !== undefined) $("steps").value = smallest.steps;
    sliders();
    await refresh();
  },
};

export function watchSaving() {
  for (const [id, work] of Object.entries(WORK)) {
    $(id).addEventListener("click", ({ currentTarget: button }) => state.seen && !button.dataset.busy && attempt(work, button));
  }
  for (const part of ["python", "commands"]) {
    $(`copy-${part}`).addEventListener("click", async ({ currentTarget: button }) => {
      await navigator.clipboard.writeText($(part).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  $("again").addEventListener("toggle", lines);
  onView(() => {
    $("save-donors").hidden = !state.strokes.some((one) => one.fill.donor !== undefined);
    lines();
  });
}
