"""The README.md of a run folder: a model card as model hubs read it (Mitchell et al. 2019, arXiv 1810.03993)."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.certification.words import bracket_words, certificate_words
from ironglass.report.evaluation.words import calibration_words
from ironglass.report.kit.words import (
    count,
    eps_text,
    interval,
    listed,
    magnitude,
    percent,
    verdict_reasons,
    verdict_word,
)
from ironglass.report.page.registry import cautions, headlines
from ironglass.results.attack import Attacks
from ironglass.results.numbers import Verdict
from ironglass.results.sections import Results, read_results
from ironglass.run import Run

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}


def model_card(run: Run) -> str:
    """Markdown under a YAML front matter, from whatever of recipe.json, data.json, results.json and environment.json
    there is. What is unknown is left out; the licence is "other", since that of the data is not ours to state.

    Raises InputError where one of them cannot be read.
    """
    recipe, data, environment = (run.read_object(f"{name}.json") for name in ("recipe", "data", "environment"))
    results = read_results(run.read_object("results.json"), file=run.path / "results.json")
    configuration = run.read_object("config.json")
    parts = [_front_matter(recipe, data, results, configuration), f"# {_plain(_name(recipe))}"]
    parts += [f"**{_plain(line)}**" for line in cautions(results)]
    parts.append(_summary(recipe, data, results))
    if rows := _number_rows(results):
        parts += ["## Results", "\n".join(["| | value | 95 % interval | images |", "| --- | --: | --: | --: |", *rows])]
    parts += _robustness(results)
    parts += _verdicts(results)
    if sentence := calibration_words(results.evaluation) if results.evaluation else "":
        parts += ["## Calibration", sentence]
    if classes := data.get("classes"):
        named = ", ".join(_plain(name) for name in classes[:50]) + (", …" if len(classes) > 50 else "")
        parts += ["## Classes", f"{count(len(classes))}, in the order of the outputs: {named}."]
    parts += [
        "## Limits",
        "Measured on images from the same source as the training images: other cameras, years and places may give "
        f"other numbers. {_strength(results.attacks)} The licence of the training data applies; see its source.",
    ]
    if results.finished():
        parts += ["## Not tested", "\n".join(f"- {_plain(line)}" for line in unmeasured(results))]
    if production := _production_line(recipe, environment):
        parts += ["## How it was made", production]
    return "\n\n".join(parts) + "\n"


def _name(recipe: dict[str, Any]) -> str:
    return str(recipe.get("name") or recipe.get("model") or "An image classifier")


def _front_matter(recipe: dict[str, Any], data: dict[str, Any], results: Results, configuration: dict[str, Any]) -> str:
    additions = configuration.get("ironglass")
    source = cast("dict[str, Any]", additions).get("model") if isinstance(additions, dict) else None
    library = "timm" if isinstance(source, str) and source.startswith("timm/") else "ironglass"  # that can load it
    lines = [
        "license: other", f"library_name: {library}", "pipeline_tag: image-classification",
        "tags:", "- image-classification", *(["- timm"] if library == "timm" else []), "- ironglass", "metrics:",
        "- accuracy",
    ]  # fmt: skip
    if evaluation := results.evaluation:
        # a JSON string is a YAML string, whatever the user wrote in it
        source = json.dumps(str(data.get("name") or recipe.get("dataset") or "unknown"))
        lines += [
            "model-index:", f"- name: {json.dumps(_name(recipe))}", "  results:", "  - task:",
            "      type: image-classification", "    dataset:", f"      name: {source}", f"      type: {source}",
            f"      split: {json.dumps(evaluation.split)}", "    metrics:",
        ]  # fmt: skip
        for kind, name, value in _metrics(results):
            lines += [f"    - type: {kind}", f"      name: {json.dumps(name)}", f"      value: {value:.6g}"]
    return "\n".join(["---", *lines, "---"])


def _metrics(results: Results) -> list[tuple[str, str, float]]:
    """Type, name and value of each metric of the model index."""
    metrics: list[tuple[str, str, float]] = []
    if evaluation := results.evaluation:
        by_class = evaluation.by_class
        if by_class and by_class.uneven:
            metrics.append(("balanced_accuracy", "Balanced accuracy", by_class.balanced.value))
        metrics.append(("accuracy", "Accuracy", evaluation.accuracy.value))
        if calibration := evaluation.calibration:
            name = "Binned gap, uncorrected" if calibration.binned_gap is None else "Expected calibration error"
            metrics.append(("ece", name, calibration.ece.value))
            if calibration.brier:
                metrics.append(("brier_score", "Brier score", calibration.brier.value))
    if attacks := results.attacks:
        names = listed([row.name for row in attacks.attacks])
        for point in attacks.worst:
            size = f"{NORMS[attacks.norm]} eps {eps_text(point.eps, attacks.norm)}"
            metrics.append(("accuracy", f"Accuracy under attack, {size}, by {names}", point.accuracy.value))
    elif curve := results.fgsm:
        metrics += [
            (
                "accuracy",
                f"Accuracy under attack, Linf eps {eps_text(point.eps, 'linf')}, by fgsm",
                point.accuracy.value,
            )
            for point in curve.points
            if point.eps
        ]
    return metrics


def _robustness(results: Results) -> list[str]:
    """The threat model, and between which bounds the accuracy lies under it."""
    attacks, curve = results.attacks, results.fgsm
    if attacks is None and curve is None and (certified := results.certification):
        return ["## Threat model", _plain(f"{bracket_words(certified)} {certificate_words(certified)}")]
    if attacks is None and curve is None:
        return ["## Threat model", "No attack was made: accuracy under attack is not known."]
    norm = attacks.norm if attacks else "linf"
    points = attacks.worst if attacks else [one for one in curve.points if one.eps] if curve else []
    attack_names = listed([row.label for row in attacks.attacks]) if attacks else "FGSM"
    text = (
        f"An adversary changes every image by at most eps in the {NORMS[norm]} norm (pixels between 0 and 1), and "
        f"knows the network with all its weights. Attacks that were made: {_plain(attack_names)}. An attack shows that "
        "the accuracy is no higher than it leaves; a better one could bring it down to what is certified."
    )
    rows = [
        f"| {eps_text(point.eps, norm)} | {_at_least(results, norm, point.eps)} | {percent(point.accuracy.value)} "
        f"({interval(point.accuracy)}, n = {count(point.accuracy.n)}) |"
        for point in points
    ]
    head = ["| eps | accuracy at least | accuracy at most |", "| --- | --: | --: |"]
    return ["## Threat model", text, "\n".join([*head, *rows])]


def _summary(recipe: dict[str, Any], data: dict[str, Any], results: Results) -> str:
    model = results.model
    sentences = [f"{_plain(recipe['description'])}\n\n"] if recipe.get("description") else []
    name = model.name if model else recipe.get("model")
    sentences.append(f"An image classifier{f' ({_plain(name)})' if name else ''}")
    if model:
        sentences.append(f" with {magnitude(model.parameters)} parameters")
    if source := data.get("name") or recipe.get("dataset"):
        # an audit may take the network as it is, and does not know what that was trained on
        measured_only = recipe.get("training") is False or recipe.get("stages") == []
        sentences.append(f", {'measured' if measured_only else 'trained'} on {_plain(source)}")
    sentences.append(". Pixels go in between 0 and 1; the normalisation is in `config.json`.")
    if model:
        sentences.append(f" Images are {model.input_size[1]} × {model.input_size[0]} pixels.")
    return "".join(sentences)


def _number_rows(results: Results) -> list[str]:
    return [
        f"| {_plain(one.line)} | {percent(one.rate.value)} | {interval(one.rate)} | {count(one.rate.n)} |"
        for one in headlines(results)
    ]


def _verdicts(results: Results) -> list[str]:
    """The verdicts on the worst case at every eps, and on FGSM where it was not one of the attacks."""
    attacks, parts = results.attacks, list[str]()
    if attacks:
        lines = [_verdict(f"eps {eps_text(point.eps, attacks.norm)}", point.verdict) for point in attacks.worst]
        parts.append("\n".join([f"Verdicts on the worst case ({NORMS[attacks.norm]}):\n", *lines]))
    if results.fgsm and "fgsm" not in [row.name for row in (attacks.attacks if attacks else ())]:
        verdict = results.fgsm.verdict
        reasons = "".join(f"\n- {_plain(reason)}" for reason in verdict_reasons(verdict))
        missing_numbers = "numbers under FGSM" if attacks else "numbers under attack"
        parts.append(f"Verdict on the {missing_numbers}: **{verdict_word(verdict)}**.{reasons}")
    return parts


def _verdict(of: str, verdict: Verdict | None) -> str:
    """One line of the list of verdicts."""
    reasons = "; ".join(_plain(reason) for reason in verdict_reasons(verdict))
    return f"- {of}: **{verdict_word(verdict)}**{f': {reasons}' if reasons else ''}"


def _at_least(results: Results, norm: str, eps: float) -> str:
    """The certified accuracy of the network itself at an eps."""
    certified = results.certification
    if certified is not None and certified.norm == norm and certified.sigma is None:
        for point in certified.points:
            if point.eps == eps:
                return f"{percent(point.certified.value)} (n = {count(point.certified.n)})"
    return f"{percent(0.0, 0)} (nothing certified)"


def _strength(attacks: Attacks | None) -> str:
    """A sentence on the strength of the attacks behind the numbers."""
    if not attacks:
        return "FGSM is a single-step attack, so accuracy under it is an upper bound on robustness."
    attack_list = _plain(listed([row.label for row in attacks.attacks]))
    norm_text = f"{NORMS[attacks.norm]} norm"
    return (
        f"Robustness was measured with {attack_list}, in the {norm_text} only: another attack may fool it more often."
    )


def _production_line(recipe: dict[str, Any], environment: dict[str, Any]) -> str:
    lines: list[str] = []
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
