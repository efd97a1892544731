"""A transfer study in words and tables: what seems, what is, and which finding is said how."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from ironglass.measure.statistics import mean_interval
from ironglass.report import write_report
from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.page.registry import cautions, headlines, plain_words
from ironglass.report.transfer.rows import arm_networks, copied_mean, curve, first_seed, unchanged, white_box_eps
from ironglass.report.transfer.tables import columns, eps_rows, network_rows
from ironglass.report.transfer.words import (
    claim_words,
    plain_name,
    png_words,
    points,
    transfer_headlines,
    transfer_words,
)
from ironglass.results.codec import to_dict
from ironglass.results.evaluation import Naming
from ironglass.results.sections import Results
from ironglass.results.transfer import Transfer
from ironglass.run import Run


def test_a_mean_over_seeds_has_students_interval_and_a_single_network_its_own(transfer: Transfer) -> None:
    zero, one, two, four = curve(transfer, "AnB+", unchanged)
    assert zero.seeds == pytest.approx((0.40, 0.44))
    expected = mean_interval(np.array([0.40, 0.44]), within=(0, 1))
    assert (zero.value, zero.low, zero.high) == pytest.approx((0.42, expected["low"], expected["high"]))
    assert (one.blocks, one.value, one.low, one.high) == (1, 0.44, 0.44 - 0.03, 0.44 + 0.03)  # as it stands in the file
    assert [two.value, four.value] == pytest.approx([0.50, 0.62])


def test_a_control_begins_with_the_network_of_no_blocks_that_is_its_own_too(transfer: Transfer) -> None:
    assert [(p.blocks, round(p.value, 2)) for p in curve(transfer, "BnB+", unchanged)] == [(0, 0.42), (2, 0.41)]
    assert [(p.blocks, round(p.value, 2)) for p in curve(transfer, "random", unchanged)] == [(0, 0.41), (2, 0.21)]
    assert curve(replace(transfer, networks=tuple(arm_networks(transfer, "AnB"))), "random", unchanged) == []


def test_the_mean_over_what_was_copied_leaves_out_no_blocks(transfer: Transfer) -> None:
    assert copied_mean(transfer, "AnB+", unchanged) == pytest.approx((0.44 + 0.50 + 0.62) / 3)
    network = first_seed(transfer, "AnB+")
    assert network is not None
    assert network.name == "A04B+-s0"


def test_the_first_screen_has_what_it_gains_what_it_seems_and_what_it_is(transfer: Transfer) -> None:
    cards = transfer_headlines(transfer)
    assert [(one.label, one.rate.value) for one in cards] == [
        ("Base B, unchanged images", 0.40),
        ("A04B+, unchanged images", 0.60),
        ("Transferred: A04B+", pytest.approx(0.45)),
        ("White-box: A04B+", 0.03),
    ]
    assert cards[0].detail == "trained from scratch; 2 seeds gave 40.0–44.0\u202f%"
    assert cards[1].detail.startswith("4 of 4 blocks copied from A, all fine-tuned; 2 seeds gave 60.0–64.0")
    assert cards[2].detail == "right on FGSM images made on base A, eps 8/255"
    assert cards[3].detail == "right under PGD-20 made on itself, eps 8/255"
    assert headlines(Results(transfer=transfer)) == cards


def test_a_constant_network_of_the_first_screen_is_called_so(transfer: Transfer) -> None:
    assert cautions(Results(transfer=transfer)) == []  # an older file does not know
    constant = Naming(named="cat", named_share=1.0, named_true_share=0.4, commonest="cat", commonest_share=0.4)
    networks = tuple(replace(one, naming=constant) if one.arm == "base" else one for one in transfer.networks)
    [line] = cautions(Results(transfer=replace(transfer, networks=networks)))
    assert line.startswith("The network base B names one class, “cat”")


def test_both_halves_of_the_claim_are_told_apart(transfer: Transfer) -> None:
    text = transfer_words(transfer)
    for part in (
        "on FGSM images made on base A (eps 8/255) the fine-tuned networks (AnB+, 1 to 4 blocks) keep 75.0\u202f%",
        "Base B, which has nothing of A in it, keeps 80.0\u202f% of its own",
        "of base A’s own answers 10.0\u202f% survive",
        "All of what they keep beyond A they keep by not being A, as B does.",
        "under PGD-20 made on each network itself (eps 8/255) they keep 5.0\u202f% of their accuracy, base B "
        "5.0\u202f%: they are not robust.",
        "Of 3 claims 1 is supported, 1 is not supported and 1 is undecided.",
    ):
        assert part in text, part
    assert plain_words(Results(transfer=transfer), []) == [text]


@pytest.mark.parametrize(
    ("on_base", "said"),  # they keep 0.65 beyond the 0.1 of A; base B its share less 0.1
    [(0.8, "All of"), (0.6, "Most of"), (0.3, "Less than half of")],
)
def test_how_much_of_it_is_not_being_the_surrogate(
    transfer_study: Callable[..., Transfer], on_base: float, said: str
) -> None:
    assert f"{said} what they keep beyond A" in transfer_words(transfer_study(base_kept=on_base))


@pytest.mark.parametrize(
    ("own", "said"),
    [(0.05, "they are not robust."), (0.3, "they lose more than half."), (0.6, "at least half also when")],
)
def test_what_they_keep_under_their_own_attack_decides_what_they_are_called(
    transfer_study: Callable[..., Transfer], own: float, said: str
) -> None:
    assert said in transfer_words(transfer_study(own_kept=own))


def test_networks_that_hold_up_no_better_than_a_do_not_even_seem_to(transfer_study: Callable[..., Transfer]) -> None:
    text = transfer_words(transfer_study(plus_kept=0.05))
    assert "are not robust even to transferred images" in text
    assert "beyond A" not in text


def test_findings_in_words(transfer: Transfer) -> None:
    first, _, third = transfer.claims
    assert claim_words(first) == "+3.1 points; over 1,000 images +1.0 to +5.2, over 2 seeds −0.5 to +6.7"
    assert claim_words(third) == "−1.2 points; over 1,000 images −3.3 to +0.9, one seed"
    assert [points(share) for share in (0.0312, -0.005, 0.0001, -0.0001)] == ["+3.1", "−0.5", "0.0", "0.0"]


def test_png_moves_are_averaged_and_the_largest_is_named(transfer_study: Callable[..., Transfer]) -> None:
    measured = transfer_study()
    networks = [
        replace(network, transferred=tuple(replace(row, png=row.accuracy) for row in network.transferred))
        for network in measured.networks
    ]
    count = sum(len(network.transferred) for network in networks)
    first, *others = networks[0].transferred
    less = replace(first.accuracy, value=first.accuracy.value - count / 1000, low=0.0)
    networks[0] = replace(networks[0], transferred=(replace(first, png=less), *others))
    text = png_words(replace(measured, networks=tuple(networks)))
    assert f"these {count} accuracies by −0.1 points on average, and by {count / 10:.1f} at most" in text
    none = tuple(replace(network, transferred=()) for network in networks)
    assert png_words(replace(measured, networks=none)) == ""


def test_the_eps_that_is_spoken_of_is_the_judged_one_where_it_was_tried(transfer: Transfer) -> None:
    assert white_box_eps(transfer) == 8 / 255
    assert white_box_eps(replace(transfer, white_box_eps=(1 / 255, 4 / 255))) == 4 / 255
    assert plain_name("A08B+-s0") == "A08B+"
    assert plain_name("base-A") == "base A"


def test_the_table_has_a_row_a_network_of_the_first_seed(transfer: Transfer) -> None:
    rows = network_rows(transfer)
    assert [row["label"] for row in rows] == [
        "base B", "A00B+", "A01B+", "A02B+", "A04B+", "B02B+", "A00B", "A01B", "A02B", "A04B", "B02B", "R02B"
    ]  # fmt: skip
    assert [(column["made"], column["attack"], column["n"]) for column in columns(transfer)] == [
        ("made on A", "FGSM, 8/255", 1000),
        ("made on itself", "FGSM, 1/255", 250),
        ("made on itself", "PGD-20, 1/255", 250),
        ("made on itself", "FGSM, 8/255", 250),
        ("made on itself", "PGD-20, 8/255", 250),
    ]
    best = rows[4]["cells"]
    values = [cell["rate"].value for cell in best]
    assert values == pytest.approx([0.60, 0.45, 0.36, 0.30, 0.06, 0.03])
    assert best[1]["png"].value == pytest.approx(0.46)
    assert best[0]["seeds"] == "62.0 ± 25.4"  # t(1 degree) = 12.706, times sd 2.83 over the root of 2
    assert rows[2]["cells"][0]["seeds"] == ""


def test_at_every_eps_base_a_stands_beside_the_deepest(transfer: Transfer) -> None:
    rows = eps_rows(transfer)
    assert [row["eps"] for row in rows] == [2 / 255, 8 / 255]
    assert rows[1]["kept"].value == 0.1
    assert [(one["label"], one["rate"].value) for one in rows[1]["rates"]] == [
        ("base B", pytest.approx(0.32)), ("A04B", pytest.approx(0.24)), ("A04B+", pytest.approx(0.45))
    ]  # fmt: skip


def test_what_was_not_measured_is_named_for_this_study(transfer: Transfer) -> None:
    architecture, attacks, _, spread = unmeasured(Results(transfer=transfer))
    assert "another architecture" in architecture
    assert "other than the 2 above" in attacks
    assert "with a single one" in spread
    assert "this one network" in unmeasured(Results(transfer=replace(transfer, seeds=(0,))))[-1]


def test_the_page_of_a_study(transfer: Transfer, tmp_path) -> None:
    run = Run.create(tmp_path / "run", {"name": "moved"})
    run.write("data.json", {"classes": ["n01", "n02"], "words": {"n01": "goldfish", "n02": "<bullfrog>"}, "splits": {}})
    run.record("transfer", to_dict(transfer))
    answers = [
        {"network": "base-A", "class": "n99", "confidence": 0.9, "right": None},
        {"network": "A04B+-s0", "class": "n02", "confidence": 0.8, "right": False},
    ]
    sizes = [{"eps": eps, "answers": answers} for eps in (0.0, 8 / 255)]
    run.write("transfer.json", {"image": {"name": "x", "label": 0}, "attack": "fgsm", "columns": sizes})
    photos = np.zeros((2, 8, 8, 3), np.uint8)
    photos[1] = 9
    save_file({"images": photos}, run.path / "transfer.safetensors")
    page = write_report(run).read_text(encoding="utf-8")
    assert re.findall(r"</span> ([^<]+)</h2>", page)[0] == "Transfer learning as a defence"
    text = " ".join(
        re.sub(r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>|<[^>]+>", " ", page, flags=re.S).split()
    )
    for part in (
        "Claims and results", "Accuracy by number of blocks copied", "Transfer versus white-box accuracy",
        "One image at every eps",
        "of this image (goldfish)", "n99 90", "&lt;bullfrog&gt; 80", "Every network", "Transfer matrix",
        "Cost", "all else 1,000", "12 networks in 1 min 40 s", "A does not know their classes",
        "in the target’s 3 classes", "62.0 ± 25.4", "may be off by 7 points",
    ):  # fmt: skip
        assert part in text, part
    for answer in ("supported", "not-supported", "undecided"):
        assert page.count(f'class="verdict-word {answer}"') == 2  # in the table, and in the list for phones
    assert len(re.findall(r"<svg", page)) == 2 * 3
    assert len(set(re.findall(r"data:image/png[^\"]+", page))) == 2
    assert {path.stem for path in (run.path / "figures").iterdir()} == {
        "transfer_blocks", "transfer_seeming", "transfer_matrix"
    }  # fmt: skip

    shutil.rmtree(run.path / "figures")
    (run.path / "transfer.safetensors").unlink()
    run.record("transfer", to_dict(replace(transfer, claims=(), white_box_attacks=(), white_box_eps=())))
    page = write_report(run).read_text(encoding="utf-8")
    for gone in (
        "One image at every eps",
        "Claims and results",
        "White-box: A04B+",
        "made on itself:",
    ):
        assert gone not in page, gone
    assert "Transferred: A04B+" in page


def test_a_study_that_shows_no_images_of_base_a_is_still_a_page(
    partial_run: Callable[..., Run], transfer: Transfer
) -> None:
    run = partial_run()
    networks = tuple(replace(network, transferred=()) for network in transfer.networks)
    run.record("transfer", to_dict(replace(transfer, transfer_attacks=(), networks=networks)))
    text = write_report(run).read_text(encoding="utf-8")
    assert "Images made on base A at every eps" not in text
    assert "Every network of the first seed" in text
