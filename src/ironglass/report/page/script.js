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

const printing = document.getElementById("print");
printing.hidden = false;
printing.addEventListener("click", () => window.print());
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.on-paper:not([open])")];
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => { for (const part of opened) part.open = false; });

const save = (text, type, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const addTool = (where, text, label, act) => {
  const tool = document.createElement("button");
  tool.type = "button";
  tool.textContent = text;
  tool.setAttribute("aria-label", label);
  tool.addEventListener("click", act);
  where.append(tool);
};
const plain = (text) => text.replace(/\s+/g, " ").trim();
const fileName = (text) => plain(text).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "table";

/* A table as rows of text: numbers with an interval in full, their ends in columns of their own. */
const tableRows = (table) => {
  const lines = [...table.rows].map((row) => [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(cell)));
  const width = Math.max(...lines.map((line) => line.length));
  const isExact = Array.from({ length: width }, (_, i) => lines.some((line) => line[i]?.dataset.exact));
  const isHead = (cell) => cell?.closest("thead");
  return lines.map((line) => isExact.flatMap((wide, i) => {
    const cell = line[i];
    const words = cell ? plain(cell.cloneNode(true).innerText || cell.textContent) : "";
    if (!wide) return [words];
    if (isHead(cell)) return [words, `${words} (low)`, `${words} (high)`];
    return cell?.dataset.exact ? cell.dataset.exact.split(" ") : [words, "", ""];
  }));
};
const asCsv = (rows) => rows.map((row) => row.map((text) => (
  /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")).join("\r\n") + "\r\n";
for (const table of document.querySelectorAll("main .scroll:not(.strip) > table")) {
  const box = table.parentElement;
  const take = document.createElement("p");
  take.className = "take";
  box.after(take);
  addTool(take, "CSV", `Download as CSV: ${box.ariaLabel}`, () => (
    save(asCsv(tableRows(table)), "text/csv", `${fileName(box.ariaLabel ?? "")}.csv`)));
}

/* A chart as a file of its own: the page's colours and letters written into it. */
const asSvg = (drawing) => {
  const copy = drawing.cloneNode(true), style = getComputedStyle(root);
  copy.setAttribute("font-family", getComputedStyle(drawing).fontFamily);
  return new XMLSerializer().serializeToString(copy).replace(/var\((--\w+)\)/g, (_, name) => style.getPropertyValue(name).trim());
};
for (const chart of document.querySelectorAll("figure.chart")) {
  const link = chart.querySelector(".take a");
  addTool(link.parentElement, "SVG", "Download the chart as SVG", () => (
    save(asSvg(chart.querySelector(".wide svg")), "image/svg+xml", link.getAttribute("href").replace(/^.*\/(.*)\.png$/, "$1.svg"))));
}

/* Albums of errors: one class alone. */
for (const album of document.querySelectorAll(".album[data-by]")) {
  const parts = [...album.children], classes = [...new Set(parts.map((part) => part.dataset.class))].sort();
  if (classes.length < 2) continue;
  const by = document.createElement("p"), choice = document.createElement("select"), name = document.createElement("label");
  by.className = "by-class";
  name.textContent = "True class ";
  choice.append(new Option(`all (${parts.length})`, ""));
  for (const one of classes) {
    choice.append(new Option(`${one} (${parts.filter((part) => part.dataset.class === one).length})`, one));
  }
  choice.autocomplete = "off";
  choice.addEventListener("change", () => {
    for (const part of parts) part.hidden = choice.value !== "" && part.dataset.class !== choice.value;
  });
  name.append(choice);
  by.append(name);
  album.before(by);
}

/* Pictures, enlarged: a click, or Enter on the first of a group; the arrow keys go on to the next. */
const shown = document.createElement("dialog");
shown.id = "enlarged";
document.body.append(shown);
const groups = new Map();
for (const picture of document.querySelectorAll("main img, main .photo")) {
  const whole = picture.closest(".cell") ?? picture;
  const group = whole.closest("table, ul, figure") ?? document.body;
  if (!groups.has(group)) groups.set(group, []);
  if (!groups.get(group).includes(whole)) groups.get(group).push(whole);
}
const enlarge = (group, at) => {
  const picture = group[at].cloneNode(true), words = document.createElement("p"), keys = document.createElement("p");
  picture.removeAttribute("tabindex");
  const named = [picture, ...picture.querySelectorAll("*")].reverse().find((part) => part.alt || part.ariaLabel);
  words.textContent = named?.alt || named?.ariaLabel || "";
  keys.className = "keys";
  keys.textContent = group.length > 1 ? `${at + 1} of ${group.length}: ← → for the others, Esc to close` : "Esc to close";
  shown.replaceChildren(picture, words, keys);
  shown.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) enlarge(group, (at + step + group.length) % group.length);
  };
  if (!shown.open) shown.showModal();
};
shown.addEventListener("click", () => shown.close());
for (const group of groups.values()) {
  group.forEach((whole, at) => whole.addEventListener("click", () => enlarge(group, at)));
  group[0].tabIndex = 0;
  group[0].addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    enlarge(group, 0);
  });
}
