"""The files of a run folder that a reader may want, with links from its page."""

from __future__ import annotations

from pathlib import Path

FILES = (
    ("results.json", "every number of this page"),
    ("predictions.csv", "a row an image: class, prediction, confidence"),
    ("per_image", "a row an image and condition, as Parquet"),
    ("figures", "every chart and contact sheet as PNG"),
    ("adversarial", "the adversarial images, exact and as PNG"),
    ("explanations", "every map of every image, exact"),
    ("model.safetensors", "the weights"),
    ("config.json", "the model’s configuration, normalisation included"),
    ("model_summary.txt", "the layers"),
    ("temperature.json", "the temperature that was fitted, applied nowhere"),
    ("history.jsonl", "a row an epoch"),
    ("data.json", "classes, splits and files left out"),
    ("recipe.json", "what was asked, every default filled in"),
    ("environment.json", "versions, machine and command"),
    ("before/report.html", "the network before hardening"),
    ("after/report.html", "the network after hardening"),
)
"""Files and folders of docs/run-folder.md, and what they are. Those that are written after the page are left out."""


def run_files(folder: Path) -> list[tuple[str, str]]:
    """Addresses from the page, and what lies there: those of FILES that the run folder has, and its `figures`."""
    return [(name, words) for name, words in FILES if name == "figures" or (folder / name).exists()]
