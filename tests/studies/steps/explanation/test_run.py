"""The explanation step: what its files and numbers hold, and that an interruption changes nothing."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError, Notice
from ironglass.explain import EXPLAINERS, explain
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import Explained
from ironglass.report.page.page import write_report
from ironglass.run import Run
from ironglass.studies.steps.explanation.run import check_explained
from ironglass.studies.steps.explanation.step import explain_split

CLASSES = ("cat", "dog", "../fox")
METHODS = ("saliency", "grad-cam", "occlusion")


def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 3),
    )  # fmt: skip
    return Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=CLASSES, input_size=8)


def split() -> Split:
    """30 random images; the network is right on two thirds of them."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    names = tuple(f"photos/{i}.jpg" for i in range(30))
    found = logits_of(classifier(), Split(pixels, np.zeros(30, dtype=np.int64), names)).argmax(1).numpy()
    return Split(pixels, np.where(np.arange(30) < 20, found, (found + 1) % 3), names)


def plan(**fields: object) -> Audit:
    known = {"methods": METHODS, "hide": "saliency", "quality": 0, "batch": 12} | fields
    return Audit(name="mine", attacks=Attacks(methods=("pgd-3",), eps=(0.1,)), shown=4, explained=Explained(**known))  # type: ignore[arg-type]


def do(folder: Path, progress=lambda what, done, of, detail: None, **fields: object) -> dict:
    run, images, network = Run(folder), split(), classifier()
    logits = logits_of(network, images)
    explain_split(run, plan(**fields), network, images, logits, name="test", patch=3, stride=2, progress=progress)
    return run.results["explanations"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    do(folder, pictures=True)
    return folder


def batches(whole: Path, condition: str) -> dict[str, torch.Tensor]:
    parts = [load_file(path) for path in sorted((whole / "explanations" / condition).glob("*.safetensors"))]
    assert len(parts) == 3
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def test_the_files_hold_what_explain_gives(whole: Path) -> None:
    images, labels = split()[:]
    network, found = classifier(), batches(whole, "clean")
    assert torch.equal(found["labels"], labels)
    assert torch.equal(found["targets"], found["predictions"])
    torch.testing.assert_close(found["logits"], network(images).detach())
    for name, expected in {
        "maps/saliency": explain(network, images, found["targets"], "saliency"),
        "maps/occlusion": explain(network, images, found["targets"], "occlusion", patch=3, stride=2),
        **{f"maps/grad-cam/{k}": v for k, v in explain(network, images, found["targets"], "grad-cam").items()},
    }.items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-5)
    hidden = batches(whole, "occluded")
    where = hidden["hidden"].bool()
    assert where.sum((1, 2)).tolist() == [9] * 30
    assert torch.equal(hidden["targets"], found["targets"])
    black = images.masked_fill(where[:, None], 0)
    torch.testing.assert_close(hidden["logits"], network(black).detach())
    expected = explain(network, black, found["targets"], "saliency")
    torch.testing.assert_close(hidden["maps/saliency"], expected, rtol=1e-4, atol=1e-5)
    attacked = batches(whole, "pgd-3")
    assert (attacked["images"] - images).abs().max() <= 0.1 + 1e-6
    torch.testing.assert_close(attacked["logits"], network(attacked["images"]).detach())


def test_the_numbers_are_those_of_the_files(whole: Path) -> None:
    found = json.loads((whole / "results.json").read_text())["explanations"]
    assert [method["name"] for method in found["methods"]] == list(METHODS)
    assert [entry["kind"] for entry in found["conditions"]] == ["clean", "occlusion", "control", "attack"]
    clean = batches(whole, "clean")
    right = clean["predictions"] == clean["labels"]
    assert found["conditions"][0]["accuracy"]["value"] == pytest.approx(20 / 30)
    rows = pq.read_table(whole / "per_image" / "explanations.parquet").to_pandas()
    assert len(rows) == 4 * 3 * 30
    for entry in found["conditions"][1:]:
        now = batches(whole, entry["name"])
        still = now["predictions"] == now["labels"]
        assert entry["accuracy"]["value"] == still.double().mean().item()
        assert entry["changed"]["value"] == (now["predictions"] != clean["predictions"]).double().mean().item()
        assert entry["fooled"]["value"] == pytest.approx((right & ~still).sum().item() / 20)
        for method in METHODS:
            these = rows[(rows["condition"] == entry["name"]) & (rows["method"] == method)]
            spread = entry["drift"][method]["rank_correlation"]
            assert spread["value"] == pytest.approx(these["rank_correlation"].mean())
            assert spread["quantiles"][2] == pytest.approx(these["rank_correlation"].median())
            assert ("inside_after" in entry["drift"][method]) == (entry["kind"] != "attack")
    control = found["conditions"][2]["against"]["occluded"]
    first, second = (batches(whole, name)["predictions"] == clean["labels"] for name in ("occluded", "control"))
    assert (control["only_first"], control["only_second"]) == ((first & ~second).sum(), (second & ~first).sum())


def test_saliency_is_hidden_where_it_is_strongest(whole: Path) -> None:
    found = json.loads((whole / "results.json").read_text())["explanations"]["conditions"]
    chosen, chance = (found[i]["drift"]["saliency"]["inside_before"]["value"] for i in (1, 2))
    assert chosen > chance


def test_killed_and_resumed_is_bitwise_the_same(whole: Path, tmp_path: Path) -> None:
    code = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import ironglass.studies.steps.explanation.run as files
from test_run import do
written = []
def save(tensors, metadata=None):
    written.append(tensors)
    if len(written) == 7:  # in the middle of the second batch
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(tensors, metadata=metadata)
plain, files.save = files.save, save
from pathlib import Path
do(Path(sys.argv[2]), pictures=True)
"""
    words = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(words, env=dict(os.environ)).returncode == -signal.SIGKILL
    first = tmp_path / "explanations" / "clean" / "batch-00000.safetensors"
    written = first.stat().st_mtime_ns
    do(tmp_path, pictures=True)
    assert first.stat().st_mtime_ns == written  # not done twice
    for part in tmp_path.rglob(".*.part"):
        part.unlink()
    assert contents(tmp_path) == contents(whole)


def test_every_map_is_a_picture_with_its_scale(whole: Path) -> None:
    folder = whole / "explanations" / "occluded" / "png" / "saliency"
    found = sorted(folder.rglob("*.png"))
    assert len(found) == 30
    labels = batches(whole, "clean")["labels"]
    name = {"cat": "cat", "dog": "dog", "../fox": "__fox"}
    path = next(p for p in found if p.name.endswith("_7.png"))
    assert path.parent.name.strip("_.") == name[CLASSES[labels[7]]].strip("_.")
    maps = torch.stack(
        [batches(whole, one)["maps/saliency"][7].sum(0) for one in ("clean", "occluded", "control", "pgd-3")]
    )
    with Image.open(path) as image:
        scale = float(image.info["scale"])
        pixels = np.asarray(image)
    assert scale == pytest.approx(maps.abs().flatten().quantile(0.99).item(), rel=1e-4)
    strongest = maps[1].flatten().argmax()
    red, green, blue = (int(value) for value in pixels.reshape(-1, 3)[strongest])
    assert red > green + 50 > blue  # speaks for the class


def test_targets(tmp_path: Path) -> None:
    true = do(tmp_path / "true", target="true", methods=("saliency",), hide="")
    assert true["target"] == "true"
    found = load_file(tmp_path / "true" / "explanations" / "clean" / "batch-00000.safetensors")
    assert torch.equal(found["targets"], found["labels"])
    do(tmp_path / "dog", target="dog", methods=("saliency",), hide="")
    found = load_file(tmp_path / "dog" / "explanations" / "clean" / "batch-00000.safetensors")
    assert (found["targets"] == 1).all()


def test_the_shown_images_are_the_chosen_ones(tmp_path: Path) -> None:
    do(tmp_path, methods=("saliency", "grad-cam"), images="chosen", chosen=("7.jpg", "photos/2.jpg"))
    facts = json.loads((tmp_path / "explained.json").read_text())
    assert [entry["name"] for entry in facts["images"]] == ["photos/7.jpg", "photos/2.jpg"]
    assert [entry["name"] for entry in facts["conditions"]] == ["clean", "occluded", "pgd-3"]
    assert facts["layers"] == {"grad-cam": "3"}
    assert {*facts["images"][0]["score_noise"]} == {"probability", "logit"}
    assert facts["images"][0]["score_noise"]["logit"] > 0
    worth = facts["images"][0]["quality"]["saliency"]
    assert 0 <= worth["deletion"] <= 1
    assert 0 <= worth["insertion"] <= 1
    shown = load_file(tmp_path / "explained.safetensors")
    images, _ = split()[[7, 2]]
    torch.testing.assert_close(shown["clean/images"], images.permute(0, 2, 3, 1))
    saved = load_file(tmp_path / "explanations" / "clean" / "batch-00000.safetensors")
    torch.testing.assert_close(shown["clean/maps/saliency"], saved["maps/saliency"].sum(1))
    torch.testing.assert_close(shown["clean/maps/grad-cam"].shape, torch.Size((2, 8, 8)))


class Tokens(nn.Module):
    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(2).mT


class Mean(nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.mean(1)


def test_a_transformers_attention_goes_through_to_the_page(tmp_path: Path) -> None:
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)
    network = nn.Sequential(nn.Conv2d(3, 6, 2, stride=2), Tokens(), block, Mean(), nn.Linear(6, 3))
    transformer = Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=CLASSES, input_size=8)
    methods, run = ("attention-rollout", "attention-relevance", "grad-cam"), Run(tmp_path)
    wanted = plan(methods=methods, hide="attention-relevance", quality=4)
    logits, quiet = logits_of(transformer, split()), lambda *_: None
    explain_split(run, wanted, transformer, split(), logits, name="test", patch=3, stride=2, progress=quiet)
    assert [one["label"] for one in run.results["explanations"]["methods"]] == [
        "Attention rollout", "Attention relevance", "Grad-CAM"]  # fmt: skip
    assert set(run.results["quality"]["methods"]) == set(methods)
    page = write_report(run).read_text()
    assert "Attention followed through all blocks" in page
    assert "Attention relevance" in page


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_method_has_its_words(name: str) -> None:
    assert EXPLAINERS[name].label
    assert EXPLAINERS[name].words


def test_a_note_of_the_method_stands_in_the_results_and_on_the_page(tmp_path: Path) -> None:
    torch.manual_seed(0)

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Conv2d(6, 6, 1)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps * self.gate(maps.mean((2, 3), keepdim=True).relu()).sigmoid()

    network = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.SiLU(), Gated(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))  # fmt: skip
    smooth = Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=CLASSES, input_size=8)
    run, wanted = Run(tmp_path), plan(methods=("guided-backprop", "saliency"))
    logits, quiet = logits_of(smooth, split()), lambda *_: None
    with pytest.warns(Notice, match="plain gradient"):
        explain_split(run, wanted, smooth, split(), logits, name="test", patch=3, stride=2, progress=quiet)
    guided, plain = run.results["explanations"]["methods"]
    assert "hardly any of it passes a ReLU" in guided["note"]
    assert "note" not in plain
    assert "hardly any of it passes a ReLU" in write_report(run).read_text()


def test_what_a_network_cannot_have_is_found_before_the_work() -> None:
    smooth = Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(192, 3), nn.Sigmoid()), mean=(0,) * 3, std=(1,) * 3, classes=CLASSES,
        input_size=8,
    )  # fmt: skip
    for methods, says in ((("guided-backprop",), "needs a ReLU"), (("grad-cam",), "no convolution|has none|maps")):
        with pytest.raises(InputError, match=says):
            check_explained(plan(methods=methods, hide=""), smooth, split(), 3)
    with pytest.raises(InputError, match="no class 'fox'"):
        check_explained(plan(target="fox"), classifier(), split(), 3)
    with pytest.raises(InputError, match=r"'1\.png' is no image"):
        check_explained(plan(chosen=("1.png",)), classifier(), split(), 3)
    check_explained(plan(), classifier(), split(), 3)
    check_explained(replace(plan(), explained=Explained()), smooth, split(), 3)


def test_a_budget_and_references_reach_the_methods_and_the_results(tmp_path: Path) -> None:
    network, images, methods = (
        classifier(),
        split().take(slice(0, 12)),
        ("rise", "kernel-shap", "expected-gradients", "lrp", "score-cam"),
    )
    wanted, run = plan(methods=methods, hide="", budget=100, quality=4), Run(tmp_path)
    explain_split(
        run, wanted, network, images, logits_of(network, images), name="test", patch=3, stride=2,
        progress=lambda *_: None, references=images,
    )  # fmt: skip
    found = {one["name"]: one for one in run.results["explanations"]["methods"]}
    assert found["rise"]["settings"]["budget"] == found["kernel-shap"]["settings"]["budget"] == 100
    assert "note" not in found["expected-gradients"]  # its baselines are images of the data
    (file,) = (tmp_path / "explanations" / "clean").glob("*.safetensors")
    first, part = load_file(file), images[:][0]
    expected = explain(network, part, first["targets"], "expected-gradients", references=part)
    torch.testing.assert_close(first["maps/expected-gradients"], expected)
    tested = run.results["quality"]
    assert set(tested["methods"]) == set(tested["sanity"]["methods"]) == set(methods)
    assert set(tested["controls"]) == {"random", "edges"}
    assert tested["methods"]["lrp"]["gap"]["value"] < 1e-4


def test_few_references_are_none_and_a_note_says_so(tmp_path: Path) -> None:
    network, images, run = classifier(), split(), Run(tmp_path)
    wanted = plan(methods=("expected-gradients",), hide="")
    explain_split(
        run, wanted, network, images, logits_of(network, images), name="test", patch=3, stride=2,
        progress=lambda *_: None, references=images.take(slice(0, 9)),
    )  # fmt: skip
    (found,) = run.results["explanations"]["methods"]
    assert "start from images of one random colour" in found["note"]
