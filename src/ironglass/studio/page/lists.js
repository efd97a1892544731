// Lists of pictures: a strip of one list, and a gallery by class.
import { $, ask, attempt, post } from "./api.js";
import { takeDonor } from "./donor.js";
import { picture } from "./draw.js";
import { className, page, state } from "./state.js";
import { element, refresh } from "./views.js";

const TITLES = { all: "all", misclassified: "misclassified", loss: "highest loss first" };
let start = 0, gallery = false;

// Opens a picture: to be changed, or as the donor where one is being chosen.
export function pick(photo) {
  if (state.pickingDonor) return takeDonor(photo);
  state.photo = photo;
  state.strokes = [];
  state.frame = null;
  markSelected();
  return refresh();
}
// The file, which the studio decodes, and forgets when it ends.
export const open = (file, name = file.name || "the photo") => attempt(async () => {
  const { upload } = await post(`photo/${page.about.page}`, file, "application/octet-stream");
  await pick({ ref: { upload }, name });
});

function markSelected() {
  for (const one of document.querySelectorAll("[role=option]")) one.ariaSelected = String(Number(one.dataset.index) === state.photo?.ref.index);
}

function title(row) {
  const predicted = row.prediction === undefined ? "" : `, predicted ${className(row.prediction)}`;
  const loss = row.loss === undefined ? "" : `, loss ${row.loss === null ? "infinite" : row.loss.toPrecision(3)}`;
  return `${className(row.label)}${predicted}${loss}, ${row.name}`;
}
function option(row) {
  const made = element("button");
  Object.assign(made, { type: "button", role: "option", title: title(row), ariaLabel: title(row), tabIndex: -1 });
  made.dataset.index = row.index;
  made.append(picture(row.pixels));
  if (row.prediction !== undefined && row.prediction !== row.label) made.append(element("span", "badge", className(row.prediction)));
  made.addEventListener("click", () => pick({ ref: { index: row.index }, name: row.name }));
  return made;
}

// One stop of the tab key a list; arrow keys move within it.
function rove(list) {
  const options = [...list.querySelectorAll("[role=option]")];
  if (options.length) (options.find((one) => one.ariaSelected === "true") ?? options[0]).tabIndex = 0;
  list.onkeydown = (event) => {
    const at = options.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: options.length - 1 }[event.key];
    if (to === undefined || !options[to]) return;
    event.preventDefault();
    for (const one of options) one.tabIndex = -1;
    options[to].tabIndex = 0;
    options[to].focus();
  };
}

const chosen = () => ({
  page: page.about.page, model: Number($("model").value), list: $("list").value, start,
  class: gallery || $("class").value === "" ? null : Number($("class").value),
});

export async function showList() {
  const { split, lists } = page.about;
  if (!split) { $("empty").hidden = false; $("empty").textContent = "The studio was started without data. Open, drop, paste or photograph a picture; or start it with --data."; return { pictures: [] }; }
  if (!lists[Number($("model").value)].includes($("list").value)) offerLists();
  $("range").textContent = $("list").value === "all" ? "" : "classifying the pictures …";
  const listed = await ask(gallery ? "gallery" : "pictures", chosen());
  const shown = gallery ? listed.classes : listed.pictures;
  $("film").hidden = gallery;
  $("gallery-rows").hidden = !gallery;
  $("previous").disabled = start === 0;
  $("next").disabled = start + shown.length >= listed.n;
  const most = listed.classified < split.n ? ` (of the first ${listed.classified} of ${split.n})` : "";
  $("range").textContent = listed.n ? `${start + 1}–${start + shown.length} of ${listed.n}${gallery ? " classes" : ""}${most}` : "";
  $("badges").hidden = !listed.n || $("list").value === "all";
  $("empty").hidden = Boolean(listed.n);
  $("empty").textContent = `There is no such picture among the ${listed.classified} of ${split.name}.`;
  if (gallery) $("gallery-rows").replaceChildren(...shown.map(galleryRow));
  else $("film").replaceChildren(...shown.map(option));
  markSelected();
  for (const list of gallery ? document.querySelectorAll("#gallery-rows [role=listbox]") : [$("film")]) rove(list);
  return listed;
}

function galleryRow({ class: index, n, pictures }) {
  const row = element("section", "gallery-row"), head = element("button", "", `${className(index)} (${n})`), list = element("div");
  row.setAttribute("aria-label", className(index));
  head.type = "button";
  head.title = "show all of this class";
  head.addEventListener("click", () => { $("class").value = String(index); setGallery(false); });
  list.role = "listbox";
  list.ariaLabel = `Pictures of ${className(index)}`;
  list.append(...pictures.map(option));
  row.append(head, list);
  return row;
}

function setGallery(on) {
  gallery = on;
  $("gallery").setAttribute("aria-pressed", String(on));
  again();
}
export function again() {
  start = 0;
  return attempt(showList);
}

export function offerLists() {
  const names = page.about.lists[Number($("model").value)];
  $("list").replaceChildren(...names.map((one) => new Option(TITLES[one] ?? one, one)));
}

export function watchLists() {
  offerLists();
  $("list").addEventListener("input", again);
  $("class").addEventListener("input", () => setGallery(false));
  $("gallery").addEventListener("click", () => setGallery(!gallery));
  const pageBy = (sign) => () => { start = Math.max(0, start + sign * (gallery ? 12 : 24)); return attempt(showList); };
  $("previous").addEventListener("click", pageBy(-1));
  $("next").addEventListener("click", pageBy(1));
  $("photo").addEventListener("change", (event) => { if (event.target.files[0]) open(event.target.files[0]); event.target.value = ""; });
  document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) open(event.clipboardData.files[0]); });
}
