const root = document.documentElement;
const button = document.getElementById("theme");
const stored = {
  get: () => { try { return localStorage.getItem("ironglass-theme"); } catch { return null; } },
  set: (theme) => { try { localStorage.setItem("ironglass-theme", theme); } catch { /* private window */ } },
};
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
const label = () => {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} theme`);
};
if (stored.get()) root.dataset.theme = stored.get();
button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  stored.set(root.dataset.theme);
  label();
});
prefersDark.addEventListener("change", label);
button.hidden = false;
label();

for (const gallery of document.querySelectorAll("[data-slider]")) {
  const slider = gallery.querySelector("input[type=range]");
  const show = () => {
    for (const part of gallery.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== slider.value;
    slider.setAttribute("aria-valuetext", gallery.querySelector("output [data-step]:not([hidden])").textContent.trim());
  };
  slider.addEventListener("input", show);
  show();
}
