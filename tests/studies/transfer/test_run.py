"""Copied blocks, images made on the network they come from, and who is fooled: a small grid, seen from all sides."""
# pyright: reportArgumentType=false

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import ironglass as ig
from ironglass.api import transfer
from ironglass.attacks import FGSM, Linf, input_gradient
from ironglass.errors import InputError
from ironglass.models.loading.load import load_classifier
from ironglass.models.predict import logits_of
from ironglass.plans.audit import Audit
from ironglass.plans.transfer import COPIED, Transfer, TransferNetwork, networks_of
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.parallel import Job
from ironglass.studies.transfer import network as room
from ironglass.studies.transfer.network import train_and_measure
from ironglass.studies.transfer.run import split_serpentine, write_matrix, write_source
from ironglass.studies.transfer.source_images import image_sets_of
from ironglass.studies.transfer.workspace import Workspace, architecture_of, workspace_of
from ironglass.train.recipe import Stage

EPS = 0.05
ONE = {"epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def plan(draw_photos: Callable[..., Path]) -> Transfer:
    source = Audit(
        model="simple-cnn",
        dataset=str(draw_photos(20, 12, ("cold", "warm"))),
        size=12,
        stages=(Stage(**ONE, peak_lr=0.05),),
    )
    return Transfer(
        source=source,
        target=Audit(name="moved", dataset=str(draw_photos(20, 12)), stages=(Stage(**ONE, peak_lr=0.05),)),
        frozen_stages=(Stage(**ONE, peak_lr=0.05, trainable_from=COPIED),),
        fine_tuned_stages=(Stage(**ONE, peak_lr=0.05, trainable_from=COPIED), Stage(**ONE, peak_lr=0.01)),
        blocks=(0, 2, 6),
        controls=(0, 2),
        seeds=2,
        control_seeds=2,
        transfer_attacks=("fgsm", "pgd-3"),
        eps=(EPS, 0.1),
        headline_eps=EPS,
        white_box_attacks=("fgsm", "pgd-3"),
        white_box_eps=(EPS,),
        images=6,
        white_box_images=4,
        matrix_images=4,
    )


@pytest.fixture(scope="module")
def whole(plan: Transfer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return transfer(plan, tmp_path_factory.mktemp("transfer") / "run")


@pytest.fixture(scope="module")
def workspace(plan: Transfer, whole: Run) -> Workspace:
    source = load_classifier(str(whole.path / "networks" / "base-A"))
    return workspace_of(plan, whole.path, architecture_of(source), torch.device("cpu"))


def test_every_key_of_the_results_counts(whole: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(whole.path) > 200


def test_which_networks_there_are(plan: Transfer, workspace: Workspace, whole: Run) -> None:
    first = {f"{name}-s0" for name in ("A00B", "A00B+", "A02B", "A02B+", "A06B", "A06B+", "B02B", "B02B+", "R02B")}
    second = {f"{name}-s1" for name in ("A00B", "A00B+", "A02B", "A02B+", "B02B", "B02B+", "R02B")}
    names = [network.name for network in networks_of(plan, workspace.blocks)]
    assert {*names} == first | second | {"base-B-s0", "base-B-s1"}
    assert len(names) == 18
    assert {path.name for path in (whole.path / "networks").iterdir()} == {*names, "base-A"}
    assert [network["name"] for network in whole.results["transfer"]["networks"]] == names


def test_controls_are_made_once_unless_more_are_asked_for(plan: Transfer, workspace: Workspace) -> None:
    names = {network.name for network in networks_of(replace(plan, control_seeds=1), workspace.blocks)}
    assert {name for name in names if name.endswith("s1")} == {
        "base-B-s1",
        "A00B-s1",
        "A00B+-s1",
        "A02B-s1",
        "A02B+-s1",
    }
    assert {"B02B-s0", "B02B+-s0", "R02B-s0"} < names


def test_hands_are_dealt_there_and_back() -> None:
    assert split_serpentine("abcdefg", 2) == [["a", "d", "e"], ["b", "c", "f", "g"]]
    assert split_serpentine("abcdefg", 3) == [["a", "f", "g"], ["b", "e"], ["c", "d"]]


def state(workspace: Workspace, name: str) -> dict[str, torch.Tensor]:
    return workspace.load(name).network.state_dict()


@pytest.mark.parametrize(("name", "donor"), [("A02B-s0", "base-A"), ("A02B-s1", "base-A"), ("B02B-s1", "base-B-s1")])
def test_what_is_copied_and_frozen_is_the_giver_s_bit_for_bit(workspace: Workspace, name: str, donor: str) -> None:
    own, theirs = state(workspace, name), state(workspace, donor)
    first = {key for key in own if key.partition(".")[0] in ("conv1", "norm1", "conv2", "norm2")}
    assert len(first) == 12  # two convolutions, and of batch-norm also the statistics and their count
    assert all(torch.equal(own[key], theirs[key]) for key in first)
    assert not [key for key in {*own} - first if torch.equal(own[key], theirs[key]) and "num_batches" not in key]


def test_fine_tuned_networks_leave_the_copies_and_random_ones_keep_their_draw(
    plan: Transfer, workspace: Workspace
) -> None:
    plus, theirs = state(workspace, "A06B+-s0"), state(workspace, "base-A")
    same = [key for key, tensor in plus.items() if torch.equal(tensor, theirs[key])]
    assert not [key for key in same if "num_batches" not in key]
    network = TransferNetwork(arm="random", seed=1, blocks=2)
    own, drawn = state(workspace, network.name), workspace.fresh(network).network.state_dict()
    assert all(
        torch.equal(own[key], drawn[key]) for key in own if key.startswith(("conv1.", "norm1.", "conv2.", "norm2."))
    )
    assert not torch.equal(own["conv3.weight"], drawn["conv3.weight"])


def test_fresh_weights_are_others_than_the_bases_began_with(workspace: Workspace) -> None:
    networks = (
        TransferNetwork(arm="base", seed=0),
        TransferNetwork(arm="AnB", seed=0, blocks=2),
        TransferNetwork(arm="AnB+", seed=0, blocks=0),
    )
    base, moved, other = (workspace.fresh(one).network.state_dict()["conv6.weight"] for one in networks)
    assert not torch.equal(base, moved)
    assert torch.equal(moved, other)  # what differs between two arms is the arm
    seeds = {one.fresh_seed for one in (TransferNetwork(arm="AnB", seed=s, blocks=1) for s in range(50))}
    assert len(seeds) == 50


def test_a_frozen_network_gives_gradients_and_grad_cam(workspace: Workspace) -> None:
    classifier = workspace.load("A06B-s0").requires_grad_(False)
    images, labels = workspace.split[:3]
    gradient = input_gradient(classifier, images, labels)
    assert (gradient.flatten(1).abs().amax(1) > 0).all()
    maps = ig.explain(classifier, images, labels, method="grad-cam")
    assert {*maps} == {f"conv{n}" for n in range(1, 7)}
    assert all(one.isfinite().all() for one in maps.values())
    assert maps["conv1"].abs().max() > 0
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


def test_every_rate_is_that_of_the_images_in_the_folder(plan: Transfer, workspace: Workspace, whole: Run) -> None:
    (network,) = [one for one in whole.results["transfer"]["networks"] if one["name"] == "A02B+-s0"]
    classifier, split = workspace.load("A02B+-s0"), workspace.split
    assert network["clean"]["value"] == (logits_of(classifier, split).argmax(1).numpy() == split.labels).mean()
    shown = image_sets_of(whole, plan, workspace.dataset, split)
    for row in network["transferred"]:
        (images, read), *more = shown.read(row["attack"], row["eps"])
        assert not more
        assert Linf(row["eps"]).allows(split[:][0], images).all()
        assert (images - read).abs().max() < 1 / 255
        for given, key in ((images, "accuracy"), (read, "png")):
            with torch.no_grad():
                right = classifier(given).argmax(1).numpy() == split.labels
            assert row[key]["value"] == right.mean()
    assert [(row["attack"], row["eps"]) for row in network["white_box"]] == [("fgsm", EPS), ("pgd-3", EPS)]
    assert {row["verdict"]["word"] for row in network["white_box"]} == {"suspect"}  # few images, and one step


def test_images_are_made_against_base_a_s_own_answers(plan: Transfer, workspace: Workspace, whole: Run) -> None:
    base, split = workspace.load("base-A"), workspace.split
    assert whole.results["transfer"]["source_knows_classes"] is False
    with torch.no_grad():
        answers = base(split[:][0]).argmax(1)
    made = FGSM(threat=Linf(EPS))(base, split[:][0], answers)
    shown = image_sets_of(whole, plan, workspace.dataset, split)
    images = torch.cat([images for images, _ in shown.read("fgsm", EPS)])
    assert torch.allclose(images, made)
    with torch.no_grad():
        kept = (base(images).argmax(1) == answers).double().mean()
    assert whole.results["transfer"]["source_accuracy"][0]["accuracy"]["value"] == float(kept)


def test_any_reader_of_folders_takes_the_png_files(workspace: Workspace, whole: Run) -> None:
    found = ig.load_dataset(f"folder:{whole.path / 'adversarial' / 'fgsm' / 'linf-0.0500' / 'png'}", size=12)
    assert found.classes == ("dark", "light")
    assert sum(len(split) for split in found.splits.values()) == len(workspace.split)


def test_the_matrix_by_hand(workspace: Workspace, whole: Run) -> None:
    matrix = whole.results["transfer"]["matrix"]
    names = matrix["names"]
    assert names[:2] == ["base-A", "base-B-s0"]
    assert len(names) == 11
    some = workspace.split.take(np.array([0, 2, 3, 5]))
    images, labels = some[:]
    maker, victim = workspace.load("A02B-s0"), workspace.load("base-B-s0")
    made = FGSM(threat=Linf(EPS))(maker, images, labels)
    with torch.no_grad():
        right = (victim(made).argmax(1) == labels).double().mean()
    assert matrix["rows"][names.index("A02B-s0")][1]["value"] == float(right)
    base = workspace.load("base-A")
    with torch.no_grad():
        before, after = base(images).argmax(1), base(made).argmax(1)
    assert matrix["rows"][names.index("A02B-s0")][0]["value"] == float((before == after).double().mean())


def test_its_report_has_all_parts(whole: Run) -> None:
    page = (whole.path / "report.html").read_text(encoding="utf-8")
    for words in (
        "Claims and results",
        "number of blocks copied",
        "Transfer versus white-box accuracy",
        "One image at every eps",
        "Every network",
    ):
        assert words in page
    picture = whole.read("transfer.json")
    assert [column["eps"] for column in picture["columns"]] == [0.0, EPS, 0.1]
    assert [one["network"] for one in picture["columns"][0]["answers"]] == ["base-A", "base-B-s0", "A06B+-s0"]


def test_only_what_is_missing_is_done_again(plan: Transfer, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = whole.results["transfer"]
    gone = whole.path / "networks" / "A02B-s0"
    for path in sorted(gone.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (whole.path / "matrix" / "A02B-s0.parquet").unlink()
    (lost,) = (whole.path / "adversarial" / "pgd-3" / "linf-0.1000").glob("*.safetensors")
    images = lost.read_bytes()
    lost.unlink()
    trained, fit = [], room.fit
    monkeypatch.setattr(room, "fit", lambda *given, **more: trained.append(given[3].name) or fit(*given, **more))
    again = transfer(plan, whole.path, resume=True).results["transfer"]
    assert trained == ["A02B-s0"]
    assert lost.read_bytes() == images
    for found in (before, again):
        found["cost"] = None
        for network in found["networks"]:
            network["seconds"] = 0
    assert again == before


def test_a_trained_source_is_taken_as_it_is(plan: Transfer, whole: Run, tmp_path: Path) -> None:
    given = Audit(model=str(whole.path / "networks" / "base-A"), size=12)
    known = replace(plan, source=given, blocks=(2,), controls=(2,), seeds=1, fine_tuned_stages=plan.frozen_stages)
    run = transfer(known, tmp_path / "run")
    weights = [path / "networks" / "base-A" / "model.safetensors" for path in (whole.path, run.path)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert run.results["transfer"]["source"]["clean"] is None
    assert run.results["transfer"]["claims"][0]["seeds"] == 1


def test_the_source_s_own_classes_may_be_kept(
    plan: Transfer, whole: Run, draw_photos: Callable[..., Path], tmp_path: Path
) -> None:
    some = replace(plan.target, dataset=str(draw_photos(12, 12, ("cold", "warm"))))
    given = Audit(model=str(whole.path / "networks" / "base-A"), size=12)
    known = replace(plan, source=given, target=some, classes="source", blocks=(2,), controls=(2,), seeds=1)
    found = transfer(known, tmp_path / "run").results["transfer"]
    assert (found["source_knows_classes"], found["label_space"], found["target"]["classes"]) == (True, "source", 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"blocks": (0, 7), "controls": ()}, "blocks is 7 and the network has 6: give 0 to 6, or head"),
        ({"controls": (4,)}, "controls at 4 blocks need the networks to compare with: add it to blocks"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    plan: Transfer, changes: dict, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        transfer(replace(plan, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_networks_at_once_is_refused(plan: Transfer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="jobs is 0"):
        transfer(plan, tmp_path / "run", jobs=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"headline_eps": 0.2}, "headline_eps is 0.2: give it among eps and white_box_eps"),
        ({"source": Audit(model="simple-cnn")}, "simple-cnn has no trained weights: give source.dataset"),
        ({"target": Audit()}, "name the source's model and the target's data"),
        ({"blocks": (2, 2)}, "a number of blocks twice"),
    ],
)
def test_a_plan_that_says_nothing_is_refused(plan: Transfer, changes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(plan, **changes)


def test_jobs_can_be_sent_to_other_processes(plan: Transfer, workspace: Workspace, whole: Run) -> None:
    networks = networks_of(plan, workspace.blocks)[:2]
    options = RunOptions(device="cpu", progress=lambda *said: None).for_job()
    for work, given in (
        (train_and_measure, (plan, whole.path, workspace.source, networks, options, True)),
        (write_source, (plan, whole.path, options)),
        (write_matrix, (plan, whole.path, workspace.source, ["base-A"], ["base-A"], options)),
    ):
        again = pickle.loads(pickle.dumps(Job("one", work, given)))
        again.work(*again.given, tell=lambda *said: None)  # all is there: nothing is done
    assert json.loads((whole.path / "results.json").read_text())["transfer"]
