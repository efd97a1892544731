// The sliders' values in words.
import { $ } from "./api.js";
import { page } from "./state.js";

export function sliders() {
  const steps = Number($("steps").value);
  const texts = {
    side: `${$("side").value} px`, strength: `${$("strength").value} %`, degrees: `${$("degrees").value}°`,
    steps: $("norm").value === "linf" ? `${steps}/255` : (steps / page.about.steps.l2).toFixed(1),
  };
  for (const [id, text] of Object.entries(texts)) {
    $(`${id}-text`).textContent = text;
    $(id).setAttribute("aria-valuetext", text);
  }
}
