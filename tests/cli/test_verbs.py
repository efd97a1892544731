"""Each verb, end to end, on small pictures."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from ironglass.cli.interrupt import interruption_message
from ironglass.results.versions import sections_of
from ironglass.run import Run

VERBS = ("run", "train", "evaluate", "explain", "attack", "harden", "sweep", "transfer", "predict", "report")
COMMON = ("--json", "--seed", "--device", "--output", "--resume", "--quiet")
FILES = """
    recipe.json environment.json data.json history.jsonl model.safetensors config.json README.md report.html
    model_summary.txt results.json samples.json samples.safetensors predictions.csv
"""
RECIPE = """
import ironglass as ig
RECIPE = ig.Audit(
    name="mine", dataset={data!r}, model="simple-cnn", stages=(ig.Stage(epochs=1, peak_lr=0.05, batch_size=8),),
    samples=6, shown=2, probe_images=16, attacks=ig.Attacks(eps=(0.1,)),
    occlusion=ig.OcclusionCurve(masks=("grey", "black", "blur")),
)
"""


def test_help_is_there_before_torch_is() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ironglass", "--help"], capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)
    assert " torch" not in done.stderr
    assert " numpy" not in done.stderr
    assert seconds < 10  # the figure itself is measured in bench, on a quiet machine


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_the_common_options(verb: str, call) -> None:
    status, out, _ = call(verb, "--help")
    assert status == 0
    assert all(option in out for option in COMMON)


def test_a_recipe_of_one_s_own_end_to_end(call, tmp_path: Path, photos: Path) -> None:
    (tmp_path / "mine.py").write_text(RECIPE.format(data=str(photos)))
    status, out, err = call("run", "mine.py", "--set", "seed=4", "--json")
    assert status == 0, err
    found = json.loads(out)
    folder = tmp_path / found["folder"]
    assert folder == tmp_path / "runs" / "mine-1"
    results = found["results"]
    assert set(results) == {
        "model", "data_checks", "training", "evaluation", "confidence", "confidence_under", "out_of_distribution",
        "failures", "layers", "occlusion", "fgsm", "samples",
    }  # fmt: skip
    assert [mask["name"] for mask in results["occlusion"]["masks"]] == ["grey", "black", "blur"]
    assert [point["eps"] for point in results["fgsm"]["points"]] == [0, 0.1]
    assert len(results["layers"]["layers"]) == 6
    for name in FILES.split():
        assert (folder / name).is_file(), name
    assert json.loads((folder / "recipe.json").read_text())["seed"] == 4
    assert json.loads((folder / "environment.json").read_text())["seed"] == 4
    clean, attacked = (pq.read_table(folder / "per_image" / f"{name}.parquet") for name in ("clean", "fgsm"))
    assert clean.num_rows == results["evaluation"]["accuracy"]["n"]
    assert attacked.num_rows == 2 * 6
    assert max(attacked["linf"].to_pylist()) <= 0.1 + 1e-6
    share = sum(clean["correct"].to_pylist()) / clean.num_rows
    assert share == results["evaluation"]["accuracy"]["value"]
    # again: the next free folder, or, resumed, nothing left to do
    assert call("run", "mine.py", "--set", "seed=4", "--quiet")[0] == 0
    before = (folder / "results.json").stat().st_mtime_ns, (folder / "model.safetensors").stat().st_mtime_ns
    status, out, err = call("run", "mine.py", "--set", "seed=4", "--resume", "--output", folder)
    assert status == 0, err
    assert before[1] == (folder / "model.safetensors").stat().st_mtime_ns
    assert sections_of(json.loads((folder / "results.json").read_text())) == results
    assert "report:" in out
    assert (tmp_path / "runs" / "mine-2" / "model.safetensors").read_bytes() == (
        folder / "model.safetensors"
    ).read_bytes()


def test_list_names_the_recipes(call) -> None:
    status, out, _ = call("run", "--list")
    assert status == 0
    known = [
        "digits", "cats-dogs", "fashion-attributions", "fashion-linf", "mnist-3v7", "mnist-maxout", "mnist-linf",
        "cifar10-linf", "shootout", "tiny-imagenet-robust", "transfer-defence",
    ]  # fmt: skip
    assert [line.split()[0] for line in out.splitlines()] == known
    assert set(json.loads(call("run", "--list", "--json")[1])) == set(known)


def test_train_then_the_single_verbs(call, tmp_path: Path, photos: Path, trained: Path) -> None:
    for verb, more, part in (
        ("evaluate", ("--corruptions", "jpeg,contrast"), "corruptions"),
        ("explain", ("--masks", "grey,black,blur", "--samples", 4, "--shown", 2), "occlusion"),
        ("attack", ("--eps", "1/255,0.1", "--samples", 4, "--shown", 2), "attacks"),
    ):
        status, out, err = call(verb, trained, photos, "--json", *more)
        assert status == 0, err
        found = json.loads(out)
        assert part in found["results"]
        assert "training" not in found["results"]
        assert (tmp_path / found["report"]).is_file()
    attacks = found["results"]["attacks"]
    assert attacks["eps"] == pytest.approx([1 / 255, 0.1])
    assert [entry["name"] for entry in attacks["attacks"]] == ["fgsm", "pgd-20"]
    assert "fgsm" not in found["results"]
    before = json.loads((trained / "results.json").read_text())["evaluation"]["accuracy"]
    assert found["results"]["evaluation"]["accuracy"] == before  # the weights came along


def test_explain_by_named_methods(call, tmp_path: Path, photos: Path, trained: Path) -> None:
    words = [
        "--methods",
        "saliency,grad-cam",
        "--hide",
        "grad-cam",
        "--attacks",
        "fgsm",
        "--patch",
        5,
        "--quality",
        2,
        "--patches",
        "3,9",
    ]
    more = ["--images", "all", "--target", "true", "--shown", 2, "--output", "out"]
    status, out, err = call("explain", trained, photos, *words, *more)
    assert status == 0, err
    assert "5 × 5 px hidden by chance" in out
    results = Run(tmp_path / "out").results
    measured = results["explanations"]
    assert [entry["name"] for entry in measured["conditions"]] == ["clean", "occluded", "control", "fgsm"]
    assert measured["target"] == "true"
    assert set(results["quality"]["methods"]) == {"saliency", "grad-cam"}
    assert "layers" not in results
    assert [entry["size"] for entry in results["exhaustive"]["sizes"]] == [3, 9]
    assert results["exhaustive"]["sizes"][0]["positions"] == 14 * 14
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Maps of every image" in page
    assert "Quality and sanity checks of the methods" in page
    assert {"drift.png", "sanity.png"} <= {path.name for path in (tmp_path / "out" / "figures").iterdir()}


def test_the_fashion_recipe_end_to_end(call, tmp_path: Path, draw) -> None:
    data = draw(tmp_path / "fashion", per_class=24, size=28, classes=("Trouser", "Pullover"))
    changes = (
        "stages.0.epochs=1",
        "stages.0.batch_size=8",
        "samples=6",
        "explained.quality=2",
        "patches=[2]",
        "patches.images=3",
    )
    words = [word for change in changes for word in ("--set", change)]
    status, out, err = call("run", "fashion-attributions", "--data", data, *words, "--output", "out", "--json")
    assert status == 0, err
    results = json.loads(out)["results"]
    assert results["training"]["epochs"] == 1
    assert [method["name"] for method in results["explanations"]["methods"]] == [
        "saliency", "guided-backprop", "integrated-gradients"]  # fmt: skip
    shown = Run(tmp_path / "out").read("explained.json")["images"]
    assert [entry["label"] for entry in shown] == [1, 1, 0, 0]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("7 × 7 px hidden where integrated-gradients is strongest") >= 4


def test_a_hardening_recipe_end_to_end(call, tmp_path: Path, photos: Path) -> None:
    changes = ("after.stages.0.epochs=1", "baseline.0.epochs=1", "after.samples=4", 'after.attacks=["fgsm"]')
    words = [word for change in changes for word in ("--set", change)]
    status, out, err = call("run", "fashion-linf", "--data", photos, "--seed", 3, *words, "--output", "out", "--json")
    assert status == 0, err
    assert [row["name"] for row in json.loads(out)["results"]["hardening"]["rows"]] == ["clean", "fgsm", "worst"]
    assert Run(tmp_path / "out").read("recipe.json")["after"]["seed"] == 3


def test_harden_makes_a_baseline_and_compares(call, tmp_path: Path, photos: Path) -> None:
    words = [
        "--method",
        "trades",
        "--eps",
        "8/255",
        "--epochs",
        1,
        "--batch-size",
        8,
        "--attacks",
        "fgsm",
        "--size",
        16,
    ]
    status, out, err = call("harden", "simple-cnn", photos, *words, "--samples", 4, "--shown", 1, "--output", "out")
    assert status == 0, err
    assert "Unchanged images, before" in out
    assert "FGSM, eps 8/255, after" in out
    stage = Run(tmp_path / "out" / "after").results["training"]["stages"][0]
    assert (stage["objective"]["kind"], stage["peak_lr"]) == ("TRADES", 0.05)
    assert stage["objective"]["eps"] == pytest.approx(8 / 255)


def test_sweep_tries_the_head_and_then_all_layers(call, tmp_path: Path, photos: Path) -> None:
    words = ["--lr", "0.1", "--body-lr", "0.05,0.01", "--head-epochs", 1, "--epochs", 1, "--batch-size", 8, "--size", 8]
    status, out, err = call("sweep", "logistic", photos, *words, "--output", "out")
    assert status == 0, err
    assert "2 trials varied learning rate (head) and learning rate (all layers). Take" in out
    stages = Run(tmp_path / "out").read("recipe.json")["trial"]["stages"]
    assert [(stage["name"], stage["trainable_from"], stage["epochs"]) for stage in stages] == [
        ("head", "head", 1), ("all layers", None, 1)]  # fmt: skip
    rows = Run(tmp_path / "out").results["sweep"]["rows"]
    assert [row["values"] for row in rows] == [[0.1, 0.05], [0.1, 0.01]]


def test_a_sweep_recipe_end_to_end(call, tmp_path: Path, photos: Path) -> None:
    changes = ("trial.stages.0.epochs=1", "trial.size=8", "trial.augment.crop=1", "trial.samples=4")
    lists = ('trial.attacks=["fgsm"]', 'vary.model=["simple-cnn", "logistic"]')
    words = [word for change in (*changes, *lists) for word in ("--set", change)]
    status, out, err = call("run", "shootout", "--data", photos, "--seed", 3, *words, "--output", "out", "--json")
    assert status == 0, err
    found = json.loads(out)["results"]["sweep"]
    assert [row["values"] for row in found["rows"]] == [["simple-cnn"], ["logistic"]]
    assert all(row["robust"]["accuracy"]["n"] == 4 for row in found["rows"])
    assert Run(tmp_path / "out" / found["rows"][0]["folder"]).read("recipe.json")["seed"] == 3


def test_transfer_copies_blocks_of_a_run(call, tmp_path: Path, photos: Path, trained: Path) -> None:
    short = [word for field in ("frozen.0", "plus.0", "plus.1") for word in ("--set", f"{field}.epochs=1")]
    words = ["--blocks", "0,2", "--epochs", 1, "--attacks", "fgsm", "--eps", "0.05,0.1", "--judged", "0.05"]
    status, out, err = call("transfer", trained, photos, *words, *short, "--images", 4, "--seed", 2, "--output", "out")
    assert status == 0, err
    assert ": Fine-tuned networks hold up on images made on base A (" in out
    assert "Transferred: A02B+" in out
    recipe = Run(tmp_path / "out").read("recipe.json")
    assert (recipe["blocks"], recipe["headline_eps"], recipe["white_box_eps"]) == ([0, 2], 0.05, [0.05 / 8, 0.05])
    found = Run(tmp_path / "out").results["transfer"]
    assert [network["name"] for network in found["networks"][:5]] == [
        "base-B-s2", "A00B-s2", "A00B+-s2", "A02B-s2", "A02B+-s2"]  # fmt: skip
    assert found["source_knows_classes"] is True


def test_predict_files_and_folders(call, tmp_path: Path, photos: Path, trained: Path) -> None:
    lone = Path("lone.png")  # a long path would be folded in the table
    Image.new("RGBA", (40, 30), (0, 0, 0, 255)).save(lone)
    (tmp_path / "broken.jpg").write_text("no image")
    status, out, err = call("predict", trained, lone, photos / "light", tmp_path / "broken.jpg", "--output", "p")
    assert status == 0, err
    assert "lone.png" in out.replace("\n", "")
    assert "broken.jpg: not an image" in out  # named as left out
    rows = list(csv.DictReader((tmp_path / "p" / "predictions.csv").read_text().splitlines()))
    assert len(rows) == 21
    assert set(rows[0]) == {"name", "class_1", "confidence_1", "class_2", "confidence_2"}
    assert float(rows[0]["confidence_1"]) + float(rows[0]["confidence_2"]) == pytest.approx(1, abs=1e-5)
    found = json.loads(call("predict", trained, lone, "--json")[1])
    (first,) = found["predictions"]
    assert first["class_1"] == rows[0]["class_1"]
    assert first["confidence_1"] == float(rows[0]["confidence_1"])


def test_report_is_written_anew(call, trained: Path) -> None:
    (trained / "report.html").unlink()
    status, out, err = call("report", trained)
    assert status == 0, err
    assert (trained / "report.html").is_file()
    assert "Accuracy, on clean test images" in out
    page, figures = trained / "report.html", trained / "figures"
    assert '.pdf" download' not in page.read_text()
    for words in (["--pdf"], []):  # a page written later goes with its own files
        (figures / "confusion.pdf").write_bytes(b"of an older page") if not words else None
        assert call("report", trained, "--quiet", *words) == (0, "", "")
        assert (figures / "confusion.pdf").read_bytes().startswith(b"%PDF-")
        assert 'href="figures/confusion.pdf" download' in page.read_text()
    for path in figures.glob("*.pdf"):
        path.unlink()


def test_quiet_says_nothing(call, trained: Path) -> None:
    assert call("report", trained, "--quiet") == (0, "", "")


def test_an_interrupted_run_says_how_to_go_on(call, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ironglass.studies.steps import training

    def interrupt(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", interrupt)
    status, out, err = call("train", "simple-cnn", photos)
    assert (status, out, err) == (130, "", "")
    assert interruption_message() == "interrupted; the same command with --resume goes on from here"


def test_a_full_disk_is_one_line(call, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ironglass.studies.steps import training

    def fill(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device", "model.safetensors")

    monkeypatch.setattr(training, "fit", fill)
    status, _, err = call("train", "simple-cnn", photos)
    assert status == 2
    assert err.count("\n") == 1
    assert "No space left on device (model.safetensors)" in err


def test_splits_of_other_names_are_taken_and_said(call, tmp_path: Path, draw) -> None:
    for name in ("learn", "exam", "spare"):
        draw(tmp_path / "data" / name)
    asked = ["train", "logistic", tmp_path / "data", "--epochs", 1, "--output", "run"]
    status, out, err = call(*asked, "--splits", "train=learn,test=exam")
    assert status == 0, err
    assert "data: left out the splits spare" in out
    about = json.loads((tmp_path / "run/data.json").read_text())
    assert about["splits"]["test"]["images"] == 40
    assert json.loads((tmp_path / "run/recipe.json").read_text())["splits"] == {"train": "learn", "test": "exam"}
    assert "left out the splits spare" in (tmp_path / "run/report.html").read_text()
    for wrong in ("learn", "train=", "train=learn,train=exam", "fit=learn", "train=lern"):
        status, out, err = call("train", "logistic", tmp_path / "data", "--output", "other", "--splits", wrong)
        assert status == 2
        assert "split" in err
        assert not (tmp_path / "other").exists()
