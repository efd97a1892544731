"""The tables of a transfer study, made ready for the page."""

from __future__ import annotations

from typing import Any

from ironglass.report.kit.section import Facts
from ironglass.report.kit.words import eps_text
from ironglass.report.transfer.rows import (
    ARMS,
    Read,
    arm_networks,
    base_point,
    curve,
    first_seed,
    made_on_base,
    made_on_itself,
    unchanged,
)
from ironglass.report.transfer.words import plain_name, seeds_text, source_accuracy
from ironglass.results.transfer import Transfer


def transfer_facts(measured: Transfer | None) -> Facts:
    """The tables of the section on transfer."""
    if not measured:
        return {}
    return {
        "transfer_columns": columns(measured),
        "transfer_rows": network_rows(measured),
        "transfer_eps": eps_rows(measured),
    }


def columns(measured: Transfer) -> list[dict[str, Any]]:
    """The columns of the table of every network after the unchanged images: made on what, by which attack, how many."""
    norm, headline_eps = measured.norm, measured.headline_eps
    transferred = [("made on A", attack, headline_eps, measured.n) for attack in measured.transfer_attacks]
    white_box = [
        ("made on itself", attack, eps, measured.white_box_n)
        for eps in sorted(measured.white_box_eps)
        for attack in measured.white_box_attacks
    ]
    return [
        {"made": origin, "attack": f"{attack.upper()}, {eps_text(eps, norm)}", "n": n}
        for origin, attack, eps, n in (*transferred, *white_box)
    ]


def network_rows(measured: Transfer) -> list[dict[str, Any]]:
    """A row a network of the first seed, in the order of the columns: its rates, as PNG, and the mean over seeds."""
    headline_eps = measured.headline_eps
    readings: list[tuple[Read, Read | None]] = [(unchanged, None)]
    readings += [
        (made_on_base(attack, headline_eps), made_on_base(attack, headline_eps, png=True))
        for attack in measured.transfer_attacks
    ]
    readings += [
        (made_on_itself(attack, eps), None)
        for eps in sorted(measured.white_box_eps)
        for attack in measured.white_box_attacks
    ]
    rows: list[dict[str, Any]] = []
    for arm in ("base", *ARMS):
        for network in arm_networks(measured, arm):
            if network.seed != measured.seeds[0]:
                continue
            cells: list[dict[str, Any]] = []
            for read, png in readings:
                if arm == "base":
                    point = base_point(measured, read)
                else:
                    point = next((one for one in curve(measured, arm, read) if one.blocks == network.blocks), None)
                cells.append(
                    {
                        "rate": read(network),
                        "png": png(network) if png else None,
                        "seeds": seeds_text(point) if point else "",
                    }
                )
            rows.append({"network": network, "label": plain_name(network.name), "cells": cells})
    return rows


def eps_rows(measured: Transfer) -> list[dict[str, Any]]:
    """A row an attack and eps of the images made on base A: what base A keeps, and who of four names them right."""
    networks = [first_seed(measured, "base"), first_seed(measured, "AnB"), first_seed(measured, "AnB+")]
    return [
        {
            "attack": attack,
            "eps": eps,
            "kept": source_accuracy(measured, attack, eps),
            "rates": [
                {"label": plain_name(network.name), "rate": made_on_base(attack, eps)(network)}
                for network in networks
                if network
            ],
        }
        for attack in measured.transfer_attacks
        for eps in sorted(measured.eps)
    ]
