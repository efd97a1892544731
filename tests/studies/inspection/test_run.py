"""Planted faults are named, clean data stay clean, and nothing but the run folder is written."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ironglass as ig
from ironglass.errors import InputError, Notice


def state(root: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def result(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    before = state(planted)
    run = ig.inspect_data(ig.Inspection(dataset=str(planted)), tmp_path_factory.mktemp("runs") / "planted")
    assert state(planted) == before
    assert (run.path / "report.html").is_file()
    return run.results["inspection"]


def names(refs: list[dict]) -> set[str]:
    return {ref["name"] for ref in refs}


def test_equal_pixels_are_found_in_other_files(result: dict) -> None:
    groups = {frozenset(names(group["images"])): group for group in result["duplicates"]}
    leak, copy, contradiction = (
        frozenset({"train/ant/00.png", "test/ant/leak.bmp"}),
        frozenset({"train/ant/01.png", "train/ant/copy.tiff"}),
        frozenset({"train/ant/02.png", "train/bee/contradiction.png"}),
    )
    assert set(groups) == {leak, copy, contradiction}
    # train is cut into train and validation, so that a pair within the folder may lie in two splits
    assert groups[leak]["across"]
    assert not groups[leak]["labels_differ"]
    assert groups[contradiction]["labels_differ"]


def test_near_duplicates_are_found_and_no_others(result: dict) -> None:
    pairs = {
        frozenset({pair["first"]["name"], pair["second"]["name"]}): pair for pair in result["near_duplicates"]["pairs"]
    }
    wanted = {
        frozenset({"train/ant/03.png", "test/ant/near.jpg"}): False,
        frozenset({"train/ant/04.png", "train/ant/mirror.jpg"}): True,
        frozenset({"train/bee/05.png", "test/bee/faded.png"}): False,
    }
    assert {pair: found["mirrored"] for pair, found in pairs.items()} == wanted


def test_bad_images_are_named(result: dict) -> None:
    faults = {fault["fault"]: names([row["image"] for row in fault["images"]]) for fault in result["outliers"]}
    assert faults == {
        "blank": {"train/bee/blank.png"},
        "dark": {"train/bee/dark.png"},
        "bright": set(),
        "blurred": {"train/bee/blur.png"},
        "odd shape": {"train/bee/wide.png"},
        "small": {"train/bee/tiny.png"},
    }
    assert result["inventory"]["unread"] == 1


def test_the_list_keeps_test_images_and_names_doubts_as_comments(result: dict) -> None:
    certain = {row["image"]["name"]: row["reason"] for row in result["leave_out"] if row["certain"]}
    assert certain["train/ant/00.png"] == "the same pixels of test/ant/leak.bmp (test)"
    assert certain["train/ant/03.png"] == "a near-duplicate of test/ant/near.jpg (test)"
    assert certain["train/bee/blank.png"] == "blank"
    assert not any(name.startswith("test/") for name in certain)
    doubtful = {row["image"]["name"] for row in result["leave_out"] if not row["certain"]}
    assert doubtful == {f"train/bee/{name}.png" for name in ("dark", "blur", "wide", "tiny")}


def test_clean_data_stay_clean(clean: Path, tmp_path: Path) -> None:
    result = ig.run(ig.Inspection(dataset=str(clean)), tmp_path / "run").results["inspection"]
    assert result["duplicates"] == []
    assert result["near_duplicates"]["pairs"] == []
    assert [fault["images"] for fault in result["outliers"]] == [[]] * 6
    assert result["leave_out"] == []
    assert result["label_errors"]["suspects"] == []
    assert "worth_a_look" not in result["label_errors"]


def test_searches_can_be_left_out(clean: Path, tmp_path: Path) -> None:
    result = ig.run(ig.Inspection(dataset=str(clean), searches=()), tmp_path / "run").results["inspection"]
    assert result["near_duplicates"] is None
    assert result["label_errors"] is None


def test_a_search_that_the_data_are_too_few_for_is_said(
    draw_photos: Callable[[int, int], Path], tmp_path: Path
) -> None:
    run = ig.run(ig.Inspection(dataset=str(draw_photos(20, 16))), tmp_path / "run")
    assert run.results["inspection"]["label_errors"] is None
    assert any(note.startswith("labels that may be wrong were not searched") for note in run.read("data.json")["notes"])
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Not searched for: labels that may be wrong." in page
    assert "that takes 100 to 100,000 images" in page
    assert "Nothing was trained." in page
    assert "the network learns from one" not in page


def test_a_model_is_measured_with_and_without_them(planted: Path, tmp_path: Path) -> None:
    stages = (ig.Stage(epochs=1, batch_size=32),)
    plan = ig.Audit(dataset=str(planted), model="simple-cnn", size=32, stages=stages, steps=("train", "evaluate"))
    trained = ig.run(plan, tmp_path / "trained")
    inspected = ig.run(ig.Inspection(dataset=str(planted), model=str(trained.path)), tmp_path / "run")
    effects = inspected.results["inspection"]["effects"]
    assert effects[0]["all"] == trained.results["evaluation"]["accuracy"]
    assert [effect["only"]["n"] for effect in effects] == [1, 3]
    for effect in effects:
        assert effect["without"]["n"] + effect["only"]["n"] == effect["all"]["n"]
        value = effect["without"]["value"] - effect["all"]["value"]
        assert effect["difference"]["value"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [({}, "names no data"), ({"dataset": "digits", "pretrained": True}, "weights are of a model")],
)
def test_plans_that_mean_nothing_are_refused(fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ig.Inspection(**fields)


def test_a_model_is_heard_of_where_nothing_is_at_fault(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(192, 2))\n"
    )
    torch.save({"1.weight": torch.zeros(2, 192), "1.bias": torch.tensor([1.0, 0.0])}, tmp_path / "net.pt")
    plan = ig.Inspection(
        dataset=str(clean), model=f"{tmp_path}/net.py:build", weights=str(tmp_path / "net.pt"), size=8, searches=()
    )
    with pytest.warns(Notice) as said:
        inspected = ig.run(plan, tmp_path / "run")
    lines = [str(one.message) for one in said]
    assert any("2 outputs are taken for the data's classes in their order" in line for line in lines)
    assert any(line.startswith("model: 20 of 40 test images are classified correctly") for line in lines)
    assert inspected.results["inspection"]["effects"] == []


def test_labels_are_judged_from_the_features_of_a_model(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\ndef build():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Linear(5, 2))\n"
    )
    weights = {"1.weight": torch.eye(5, 192), "1.bias": torch.zeros(5)}
    weights |= {"2.weight": torch.zeros(2, 5), "2.bias": torch.tensor([1.0, 0.0])}
    torch.save(weights, tmp_path / "net.pt")
    plan = ig.Inspection(
        dataset=str(clean),
        model=f"{tmp_path}/net.py:build",
        weights=str(tmp_path / "net.pt"),
        size=8,
        searches=("label-errors",),
    )
    with pytest.warns(Notice):
        inspected = ig.run(plan, tmp_path / "run")
    assert "last linear layer of the model" in inspected.results["inspection"]["label_errors"]["features"]


def test_what_is_worth_a_look_stands_on_the_page_with_its_worth(clean: Path, tmp_path: Path) -> None:
    from ironglass.report import write_report
    from ironglass.results.versions import with_counts

    run = ig.run(ig.Inspection(dataset=str(clean), searches=("label-errors",)), tmp_path / "run")
    inspection = run.results["inspection"]
    images = [{"split": "train", "name": f"train/ant/{i:02}.png", "class": "ant"} for i in range(30)]
    inspection["label_errors"] |= {
        "worth_a_look": [{"image": image, "suggested": "bee", "score": 0.1} for image in images],
        "caught_with_look": {"value": 0.75, "low": 0.3, "high": 0.95, "n": 4},
        "flips_with_look": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 30},
    }
    run.write("results.json", with_counts(run.results | {"inspection": inspection}))
    page = write_report(run).read_text(encoding="utf-8").replace("\u00a0", " ").replace("\u202f", " ")
    assert "and 30 worth a look" in page
    assert "30 further labels" in page
    assert "together held 75.0 % (30.0–95.0 %), and of all in them 10.0 % (5.0–20.0 %) were flipped" in page
    assert page.count("perhaps bee; 10.0 %") == 24
    assert "and 6 more, all in results.json" in page
