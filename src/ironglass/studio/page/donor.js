// The donor: another picture whose pixels are painted, at the same position or from a chosen point on.
import { $, ask, attempt } from "./api.js";
import { mark, picture } from "./draw.js";
import { checked, state } from "./state.js";

let pixels = null;

// From a painted pixel to the donor's, for a stroke that starts at a point.
export function shiftFrom([x, y]) {
  if (checked("position") !== "chosen" || !state.source) return [0, 0];
  return [Math.floor(state.source[0]) - Math.floor(x), Math.floor(state.source[1]) - Math.floor(y)];
}

function show() {
  $("donor-row").hidden = checked("fill") !== "donor";
  $("worst").disabled = checked("fill") === "donor";
  $("worst").title = $("worst").disabled ? "for black, grey, white and blur" : "";
  const chosen = state.donor !== null;
  $("donor").hidden = $("positions").hidden = !chosen;
  $("donor-pick").textContent = chosen ? "Change the donor" : "Choose the donor";
  if (!chosen || !pixels) return;
  const canvas = $("donor"), context = canvas.getContext("2d");
  canvas.height = Math.round((canvas.width * pixels.height) / pixels.width);
  context.imageSmoothingEnabled = pixels.width > 160;
  context.drawImage(picture(pixels), 0, 0, canvas.width, canvas.height);
  const free = checked("position") === "chosen";
  if (free) mark(canvas, state.source, canvas.width / pixels.width);
  const name = `The pixels come from ${state.donors[state.donor].name}`;
  $("donor-text").textContent = free ? `${name}; painting starts from the marked point: click it, or move it by arrow keys.` : `${name}, at the same position.`;
}

export function pickDonor(picking) {
  state.pickingDonor = picking;
  $("donor-pick").setAttribute("aria-pressed", String(picking));
  $("picking").hidden = !picking;
}

// Takes a picture as the donor.
export const takeDonor = (photo) => attempt(async () => {
  const known = state.donors.findIndex((one) => JSON.stringify(one.ref) === JSON.stringify(photo.ref));
  if (known < 0 && state.donors.length >= 100) state.donors = [];
  pixels = (await ask("picture", photo.ref)).pixels;
  if (known < 0) state.donors.push(photo);
  state.donor = known < 0 ? state.donors.length - 1 : known;
  state.source = [pixels.width / 2, pixels.height / 2];
  pickDonor(false);
  show();
});

export function watchDonor() {
  for (const id of ["fills", "positions"]) $(id).addEventListener("input", () => {
    show();
    pickDonor(checked("fill") === "donor" && state.donor === null);
  });
  $("donor-pick").addEventListener("click", () => {
    pickDonor(!state.pickingDonor);
    if (state.pickingDonor) $("picking").scrollIntoView({ block: "nearest" });
  });
  $("picking-end").addEventListener("click", () => pickDonor(false));
  const move = (x, y) => {
    document.querySelector("[name=position][value=chosen]").checked = true;
    state.source = [Math.min(pixels.width - 1, Math.max(0, x)), Math.min(pixels.height - 1, Math.max(0, y))];
    show();
  };
  $("donor").addEventListener("pointerdown", (event) => {
    const box = $("donor").getBoundingClientRect();
    move(((event.clientX - box.left) / box.width) * pixels.width, ((event.clientY - box.top) / box.height) * pixels.height);
  });
  $("donor").addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 8 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!by) return;
    event.preventDefault();
    move(state.source[0] + by[0], state.source[1] + by[1]);
  });
  show();
}
