"""Which charts a page has, from what its run measured."""

from __future__ import annotations

from functools import partial
from typing import Any

from ironglass.report.attack.chart import under_attack
from ironglass.report.audit import figures
from ironglass.report.audit.exhaustive_chart import exhaustive
from ironglass.report.audit.linear import linear_chart
from ironglass.report.comparison.chart import comparison, matrix
from ironglass.report.corruption.chart import corruption
from ironglass.report.explanation.drift_chart import drift
from ironglass.report.explanation.sanity_chart import sanity
from ironglass.report.hardening.chart import hardening, watched
from ironglass.report.sweep.chart import trials
from ironglass.report.transfer.chart import accuracy_by_blocks, natural_and_adversarial
from ironglass.report.transfer.matrix_chart import transfer_matrix


def chart_list(facts: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """The charts that the facts allow, as name: (draw(narrow=...), what is read aloud for it)."""
    results, charts = facts["results"], {}
    if facts["history"]:
        label = f"Loss and accuracy over {len(facts['history'])} epochs, for training and validation"
        charts["training"] = (partial(figures.training, facts["history"], kept=facts["kept"]), label)
    if swept := results.get("sweep"):
        label = f"Accuracy of {len(swept['rows'])} trials with their intervals"
        charts["trials"] = (partial(trials, swept), label)
    if hardened := results.get("hardening"):
        label = "Accuracy before and after hardening, on unchanged images and under each attack"
        charts["hardening"] = (partial(hardening, hardened), label)
        if hardened["watched"]:
            label = "Accuracy on held-out images after every epoch, unchanged and under attack"
            charts["watched"] = (partial(watched, hardened["watched"]), label)
    if facts["linear"]:
        label = "The weights of the linear network, their signs, and images after one signed step"
        charts["linear"] = (partial(linear_chart, facts["linear"], facts["classes"]), label)
    if facts.get("arms"):
        given = results["comparison"], results["transferred"]
        label = "Accuracy of every arm unchanged, on images made on the base, and under attacks made on itself"
        charts["comparison"] = (partial(comparison, *given), label)
        label = "Accuracy on adversarial images by the arm they were made on and the arm they were shown to"
        charts["transferred"] = (partial(matrix, *given), label)
    if moved := results.get("transfer"):
        label = "Accuracy of every arm less base B’s against the number of blocks copied, unchanged and on A’s images"
        charts["transfer_blocks"] = (partial(accuracy_by_blocks, moved), label)
        label = "Accuracy unchanged, on images made on base A and under attacks made on itself, for every arm"
        charts["transfer_seeming"] = (partial(natural_and_adversarial, moved), label)
        if moved.get("matrix"):
            label = "Accuracy on adversarial images by the network they were made on and the one they were shown to"
            charts["transfer_matrix"] = (partial(transfer_matrix, moved), label)
    if counts := results.get("evaluation", {}).get("confusion"):
        label = "Confusion matrix: images by true class and predicted class"
        charts["confusion"] = (partial(figures.confusion, counts, facts["classes"]), label)
    if results.get("layers", {}).get("layers"):
        label = "Accuracy of a probe and of two interventions, and where Grad-CAM lies, for every layer"
        charts["layers"] = (partial(figures.layers, results["layers"]), label)
    if results.get("occlusion", {}).get("masks"):
        label = "Accuracy under a patch for every mask, averaged over places and at the worst place"
        charts["occlusion"] = (partial(figures.occlusion, results["occlusion"]), label)
    if results.get("exhaustive"):
        label = "Share of images named right wherever a patch lies, against the patch's size"
        charts["exhaustive"] = (partial(exhaustive, results["exhaustive"]), label)
    if corrupted := results.get("corruptions"):
        label = "Accuracy under every corruption at every severity, beside the unchanged images"
        charts["corruptions"] = (partial(corruption, corrupted), label)
    if (explanations := results.get("explanations")) and len(explanations["conditions"]) > 1:
        label = "How far each method's maps move when the images are changed"
        charts["drift"] = (partial(drift, explanations), label)
    if tested := results.get("quality", {}).get("sanity"):
        label = "What is left of each method's maps as the network's layers are made random"
        charts["sanity"] = (partial(sanity, tested, facts["explained_labels"]), label)
    if attacks := results.get("attacks"):
        label = f"Accuracy against eps under {len(attacks['attacks'])} attacks, and the worst case of each image"
        draw = partial(under_attack, attacks, chance=facts["chance"])
        charts["attacks"] = (draw, label)
    if results.get("fgsm", {}).get("points") and "fgsm" not in facts["attack_labels"]:
        charts["fgsm"] = (partial(figures.fgsm, results["fgsm"]), "Accuracy under FGSM against eps")
    return charts
