"""The section `transfer` of the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ironglass.measure.robustness.transfer_matrix import has_classes
from ironglass.models.classifier import Classifier
from ironglass.plans.transfer import SOURCE, TransferNetwork, depths_of
from ironglass.run import Run
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.stored import read_table
from ironglass.studies.transfer.claims import Kind, answer_claims
from ironglass.studies.transfer.source_images import image_sets_of, rate_of
from ironglass.studies.transfer.workspace import Workspace


def transfer_results(workspace: Workspace, networks: Sequence[TransferNetwork], source: Classifier) -> dict[str, Any]:
    """Every network's rates, the matrix and the claims, from the networks' own files."""
    plan, dataset = workspace.plan, workspace.dataset
    depths, controls = depths_of(plan, workspace.blocks)
    rows = [_network(workspace, network) for network in networks]
    source_results = Run(workspace.folder(SOURCE)).results
    shared = depths if plan.seeds == 1 else [n for n in depths if n in controls]
    return {
        "source": {
            "model": source.source,
            "dataset": plan.source.dataset,
            "classes": len(source.classes),
            "clean": source_results.get("evaluation", {}).get("accuracy"),
        },
        "target": {"dataset": plan.target.dataset, "classes": len(dataset.classes)},
        "label_space": plan.classes,
        "source_knows_classes": has_classes(source, dataset.classes),
        "split": measured_split(plan.target, dataset)[0],
        "n": len(workspace.split),
        "white_box_n": len(workspace.attacked),
        "norm": plan.norm,
        "blocks": len(workspace.blocks),
        "depths": depths,
        "control_depths": controls,
        "seeds": plan.each_seed,
        "eps": sorted({*plan.eps} - {0.0}),
        "headline_eps": plan.headline_eps,
        "transfer_attacks": list(dict.fromkeys(plan.transfer_attacks)),
        "white_box_attacks": list(dict.fromkeys(plan.white_box_attacks)),
        "white_box_eps": sorted({*plan.white_box_eps} - {0.0}),
        "source_accuracy": image_sets_of(workspace.run, plan, workspace.dataset, workspace.split).source_accuracy(
            source
        ),
        "networks": rows,
        "matrix": _matrix(workspace, networks),
        "claims": answer_claims(_flags(workspace, networks), shared, plan.each_seed),
        "cost": {"seconds": sum(row["seconds"] for row in rows), "networks": len(rows)},
    }


def _network(workspace: Workspace, network: TransferNetwork) -> dict[str, Any]:
    results = Run(workspace.folder(network.name)).results
    measured, training = results["measured"], results["training"]
    rates = {(row["condition"], row["eps"]): row["accuracy"] for row in measured["rates"]}
    verdicts = {(row["attack"], row["eps"]): row["verdict"] for row in measured["verdicts"]}
    return {
        "name": network.name,
        "arm": network.arm,
        "blocks": network.blocks,
        "seed": network.seed,
        "seconds": training["seconds"],
        "epochs": training["epochs"],
        "clean": rates["clean", 0.0],
        "transferred": [
            {
                "attack": name,
                "eps": eps,
                "accuracy": rates[f"shown-{name}", eps],
                "png": rates[f"shown-{name}-png", eps],
            }
            for condition, eps in rates
            if condition.startswith("shown-") and not condition.endswith("-png")
            for name in (condition.removeprefix("shown-"),)
        ],
        "white_box": [
            {"attack": attack, "eps": eps, "accuracy": rates[f"own-{attack}", eps], "verdict": verdict}
            for (attack, eps), verdict in verdicts.items()
        ],
        **({"naming": measured["naming"]} if "naming" in measured else {}),
    }


def _matrix(workspace: Workspace, networks: Sequence[TransferNetwork]) -> dict[str, Any]:
    names = matrix_names(networks)
    tables = [read_table(workspace.run.path / "matrix" / f"{name}.parquet") for name in names]
    rights = [{name: np.asarray(table[name]) for name in names} for table in tables]
    return {
        "attack": "fgsm",
        "eps": workspace.plan.headline_eps,
        "n": len(tables[0]),
        "names": names,
        "rows": [[rate_of(row[name]) for name in names] for row in rights],
    }


def matrix_names(networks: Sequence[TransferNetwork]) -> list[str]:
    """The networks that are shown each other's images: base A, and all of the first seed."""
    return [SOURCE, *(network.name for network in networks if network.seed == networks[0].seed)]


def _flags(workspace: Workspace, networks: Sequence[TransferNetwork]) -> dict[TransferNetwork, dict[Kind, np.ndarray]]:
    plan = workspace.plan
    kinds: dict[Kind, tuple[str, float]] = {
        "clean": ("clean", 0.0),
        "transferred": (f"shown-{plan.transfer_attacks[0]}", plan.headline_eps),
        "white_box": (f"own-{plan.white_box_attacks[-1]}", plan.headline_eps),
    }
    flags: dict[TransferNetwork, dict[Kind, np.ndarray]] = {}
    for network in networks:
        table = read_table(workspace.folder(network.name) / "per_image" / "measured.parquet")
        condition, eps, correct = (np.asarray(table[column]) for column in ("condition", "eps", "correct"))
        flags[network] = {
            kind: correct[(condition == name) & (eps == size)].astype(np.float64)
            for kind, (name, size) in kinds.items()
        }
    return flags
