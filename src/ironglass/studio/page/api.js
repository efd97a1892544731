// Requests to the studio, and what is refused.
import { page } from "./state.js";

export const $ = (id) => document.getElementById(id);

export class Refused extends Error {}

export async function post(path, body, type) {
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

export const ask = (name, request = {}) =>
  post(`ask/${name}`, JSON.stringify({ page: page.about?.page, ...request }), "application/json");

export function showError(error) {
  $("error").hidden = !error;
  $("error-text").textContent = error ? error.message : "";
}

// Runs what a button does; what is refused is shown, and the button waits until it is done.
export async function attempt(work, button) {
  if (button) button.ariaDisabled = button.dataset.busy = "true";
  try {
    showError(null);
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showError(error);
  } finally {
    if (button) { button.ariaDisabled = null; delete button.dataset.busy; }
  }
}
