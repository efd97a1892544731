"""The README.md of a run folder: a model card as model hubs read it (Mitchell et al. 2019, arXiv 1810.03993)."""

from __future__ import annotations

import json
import re
from typing import Any

from ironglass.report.audit.constant import constant_lines
from ironglass.report.kit.words import count, eps_text, interval, listed, magnitude, percent, verdict_of

NORMS = {"linf": "Linf", "l2": "L2"}


def model_card(
    *,
    recipe: dict[str, Any],
    data: dict[str, Any] | None = None,
    results: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
) -> str:
    """Markdown under a YAML front matter, from whatever of recipe.json, data.json, results.json and environment.json
    there is. What is unknown is left out; the licence is "other", since that of the data is not ours to state."""
    data, results, environment = data or {}, results or {}, environment or {}
    parts = [_front_matter(recipe, data, results), f"# {_plain(_name(recipe))}", _summary(recipe, data, results)]
    parts[2:2] = [f"**{_plain(line)}**" for line in constant_lines(results)]
    if rows := _number_rows(results):
        parts += ["## Results", "\n".join(["| | value | 95 % interval | images |", "| --- | --: | --: | --: |", *rows])]
    attacks, fgsm = results.get("attacks"), _fgsm(results)
    if attacks and attacks["worst"]:
        lines = [_verdict(attacks["norm"], point) for point in attacks["worst"]]
        parts.append("\n".join(["Verdicts on the worst case:\n", *lines]))
    if fgsm:
        verdict = verdict_of(fgsm)
        reasons = "".join(f"\n- {_plain(reason)}" for reason in verdict["reasons"])
        what = "numbers under FGSM" if attacks else "numbers under attack"
        parts.append(f"Verdict on the {what}: **{verdict['word']}**.{reasons}")
    if classes := data.get("classes"):
        named = ", ".join(_plain(name) for name in classes[:50]) + (", …" if len(classes) > 50 else "")
        parts += ["## Classes", f"{count(len(classes))}, in the order of the outputs: {named}."]
    parts += [
        "## Limits",
        "Measured on images from the same source as the training images: other cameras, years and places may give "
        f"other numbers. {_strength(attacks)} The licence of the training data applies; see its source.",
    ]
    if made := _made(recipe, environment):
        parts += ["## How it was made", made]
    return "\n\n".join(parts) + "\n"


def _name(recipe: dict[str, Any]) -> str:
    return str(recipe.get("name") or recipe.get("model") or "An image classifier")


def _front_matter(recipe: dict[str, Any], data: dict[str, Any], results: dict[str, Any]) -> str:
    lines = [
        "license: other", "library_name: timm", "pipeline_tag: image-classification",
        "tags:", "- image-classification", "- timm", "- ironglass", "metrics:", "- accuracy",
    ]  # fmt: skip
    if evaluation := results.get("evaluation"):
        # a JSON string is a YAML string, whatever the user wrote in it
        source = json.dumps(str(data.get("name") or recipe.get("dataset") or "unknown"))
        lines += [
            "model-index:", f"- name: {json.dumps(_name(recipe))}", "  results:", "  - task:",
            "      type: image-classification", "    dataset:", f"      name: {source}", f"      type: {source}",
            f"      split: {json.dumps(str(evaluation.get('split', 'test')))}", "    metrics:", "    - type: accuracy",
            f"      value: {evaluation['accuracy']['value']:.6g}",
        ]  # fmt: skip
    return "\n".join(["---", *lines, "---"])


def _summary(recipe: dict[str, Any], data: dict[str, Any], results: dict[str, Any]) -> str:
    model = results.get("model", {})
    sentences = [f"{_plain(recipe['description'])}\n\n"] if recipe.get("description") else []
    name = model.get("name") or recipe.get("model")
    sentences.append(f"An image classifier{f' ({_plain(name)})' if name else ''}")
    if "parameters" in model:
        sentences.append(f" with {magnitude(model['parameters'])} parameters")
    if source := data.get("name") or recipe.get("dataset"):
        sentences.append(f", trained on {_plain(source)}")
    sentences.append(". Pixels go in between 0 and 1; the normalisation is in `config.json`.")
    if size := model.get("input_size"):
        sentences.append(f" Images are {size[1]} × {size[0]} pixels.")
    return "".join(sentences)


def _number_rows(results: dict[str, Any]) -> list[str]:
    rates = []
    if evaluation := results.get("evaluation"):
        rates.append((f"accuracy, {evaluation.get('split', 'test')} images", evaluation["accuracy"]))
    for mask in (occlusion := results.get("occlusion", {})).get("masks", []):
        patch = f"{occlusion['patch']} × {occlusion['patch']} patch, {mask['name']}"
        rates += [(f"accuracy, {patch}, mean over places", mask["mean"]), (f"accuracy, {patch}, worst", mask["worst"])]
    if attacks := results.get("attacks"):
        named = f"worst case of {len(attacks['attacks'])} attacks" if len(attacks["attacks"]) > 1 else ""
        for point in attacks["worst"]:
            label = f"accuracy, {named or attacks['attacks'][0]['label']}, {NORMS[attacks['norm']]} eps "
            rates.append((label + eps_text(point["eps"], attacks["norm"]), point["accuracy"]))
    for point in _fgsm(results).get("points", []):
        if point["eps"] > 0:
            rates.append((f"accuracy, FGSM, eps {eps_text(point['eps'])}", point["accuracy"]))
    return [
        f"| {_plain(label)} | {percent(rate['value'])} | {interval(rate)} | {count(rate['n'])} |"
        for label, rate in rates
    ]


def _fgsm(results: dict[str, Any]) -> dict[str, Any]:
    """The FGSM curve, unless it is one of the attacks behind the worst case."""
    tried = [row["name"] for row in results.get("attacks", {}).get("attacks", [])]
    return {} if "fgsm" in tried else results.get("fgsm", {})


def _verdict(norm: str, point: dict[str, Any]) -> str:
    """One line of the list of verdicts."""
    verdict = verdict_of(point)
    reasons = "; ".join(_plain(reason) for reason in verdict["reasons"])
    return f"- eps {eps_text(point['eps'], norm)}: **{verdict['word']}**{f': {reasons}' if reasons else ''}"


def _strength(attacks: dict[str, Any] | None) -> str:
    """How much the attacks behind the numbers can find."""
    if not attacks:
        return "FGSM is a single-step attack, so accuracy under it is an upper bound on robustness."
    tried = _plain(listed([row["label"] for row in attacks["attacks"]]))
    held = f"{NORMS[attacks['norm']]} norm"
    return f"Robustness was measured with {tried}, in the {held} only: another attack may fool it more often."


def _made(recipe: dict[str, Any], environment: dict[str, Any]) -> str:
    lines = []
    if command := environment.get("command"):
        lines.append("```\n" + (command if isinstance(command, str) else " ".join(command)).replace("`", "'") + "\n```")
    versions = environment.get("versions", {})
    facts = [f"seed {environment.get('seed', recipe.get('seed'))}", *(f"{key} {versions[key]}" for key in versions)]
    if environment or "seed" in recipe:
        lines.append(_plain(", ".join(facts)) + ".")
    return "\n\n".join(lines)


def _plain(text: object) -> str:
    """Text that Markdown takes literally, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(str(text).split()))
