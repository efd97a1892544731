"""A damaged run that is resumed: made anew, or named; never believed."""

import os
from pathlib import Path

import pytest

from ironglass.errors import InputError, Notice
from ironglass.run import Run

REMADE = {
    "per_image/clean.parquet": {"evaluation"},
    "predictions.csv": {"evaluation"},
    "per_image/fgsm.parquet": {"fgsm"},
    "per_image/attacks.parquet": {"attacks"},
    "per_image/validation.parquet": {"trial"},
    "per_image/measured.parquet": {"measured"},
    "per_image/corruptions/fog.parquet": {"corruptions"},
    "corruptions.safetensors": {"corruptions"},
    "per_image/explanations.parquet": {"explanations", "explained"},
    "explanations/clean/batch-00000.safetensors": {"explanations", "explained"},
    "explained.safetensors": {"explained"},
    "failures.safetensors": {"failures"},
    "samples.safetensors": {"samples"},
    "samples.json": {"samples"},
    "linear.safetensors": {"linear"},
    "gallery.json": {"transferred"},
    "transferred/test/base/pgd-linf-8_255.parquet": {"transferred"},
    "adversarial/pgd/linf-8_255/batch-00000.safetensors": {"attacks"},
    "adversarial/pgd/linf-8_255/metadata.json": {"attacks"},
    "adversarial/pgd/linf-8_255/png/a/x.png": {"attacks"},
    "probes/grey/linf-0.5000/batch-00000.safetensors": {"attacks"},
    "matrix/base-A.parquet": set(),
    "transfer.safetensors": set(),
    "environment.json": set(),
    "data.json": set(),
    "config.json": set(),
    "model.safetensors": set(),
}
STEPS = sorted(set().union(*REMADE.values()))
LASTING = (
    "results.json",
    "recipe.json",
    "history.jsonl",
    "model.safetensors",
    "config.json",
    "checkpoint/state.safetensors",
)
SPOIL = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "emptied": lambda path: path.write_bytes(b""),
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 16])),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
}
RECIPE = {"seed": 1}


def made(path: Path, *names: str) -> Run:
    run = Run.create(path, RECIPE)
    for name in names:
        run.write_text(name, f"the content of {name}\n")
    run.write("results.json", {key: {"n": 1} for key in STEPS})
    return run


@pytest.mark.parametrize("how", SPOIL)
@pytest.mark.parametrize("name", REMADE)
def test_what_can_be_made_anew_is_taken_away_with_its_numbers(tmp_path: Path, name: str, how: str) -> None:
    run = made(tmp_path, *REMADE)
    SPOIL[how](run.path / name)
    with pytest.warns(Notice, match=f"made anew: .*{name.replace('.', '[.]')}"):
        again = Run.create(tmp_path, RECIPE, resume=True)
    assert not (run.path / name).exists()
    assert set(STEPS) - again.results.keys() == REMADE[name]
    Run.create(tmp_path, RECIPE, resume=True)  # and no word of it a second time


@pytest.mark.parametrize("how", SPOIL)
@pytest.mark.parametrize("name", LASTING)
def test_what_only_training_could_make_is_named(tmp_path: Path, name: str, how: str) -> None:
    run = made(tmp_path, *(set(LASTING) - {"results.json", "recipe.json"} - {"checkpoint/state.safetensors"}))
    if name.startswith("checkpoint"):
        run.write_text(name, "state")
    SPOIL[how](run.path / name)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    if name != "recipe.json" or how == "longer":
        with pytest.raises(InputError, match=f"{name} is not as it was written"):
            Run.create(tmp_path, RECIPE, resume=True)
    else:
        with pytest.raises(InputError, match=r"recipe\.json"):
            Run.create(tmp_path, RECIPE, resume=True)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_an_edited_number_is_found(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.record("evaluation", {"accuracy": {"value": 0.5}})
    path = tmp_path / "results.json"
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.raises(InputError, match=r"results\.json is not as it was written"):
        Run.create(tmp_path, RECIPE, resume=True)
    with pytest.raises(InputError, match=r"results\.json is not as it was written"):
        run.check(["results.json"])


def test_a_picture_takes_its_own_batch_with_it(tmp_path: Path) -> None:
    run, folder = made(tmp_path), "adversarial/pgd/linf-8_255"
    for batch in range(3):
        png = run.path / folder / "png" / "a" / f"{batch}.png"
        png.parent.mkdir(parents=True, exist_ok=True)
        png.write_bytes(b"picture")
        path = run.path / folder / f"batch-0000{batch}.safetensors"
        path.write_bytes(b"batch")
        run.lister(path, [png])(path)
    (run.path / folder / "png" / "a" / "1.png").write_bytes(b"pictured")
    with pytest.warns(Notice, match=r"1\.png"):
        Run.create(tmp_path, RECIPE, resume=True)
    left = sorted(path.name for path in (run.path / folder).glob("batch-*"))
    assert left == ["batch-00000.safetensors", "batch-00002.safetensors"]


def test_a_batch_without_a_line_is_made_anew_and_a_strangers_file_stays(tmp_path: Path) -> None:
    run = made(tmp_path, "adversarial/pgd/linf-8_255/batch-00000.safetensors")
    path = tmp_path / "adversarial/pgd/linf-8_255/batch-00000.safetensors"
    lines = run.checksums.path.read_text().splitlines(keepends=True)
    run.checksums.path.write_text("".join(line for line in lines if "batch-" not in line))
    (path.parent / "notes.txt").write_text("mine")
    (tmp_path / "notes.parquet").write_text("mine")
    with pytest.warns(Notice, match="batch-00000"):
        Run.create(tmp_path, RECIPE, resume=True)
    assert not path.exists()
    assert (path.parent / "notes.txt").exists()
    assert (tmp_path / "notes.parquet").exists()


def test_large_files_may_go_and_small_ones_come_again(tmp_path: Path) -> None:
    run = made(tmp_path, *REMADE)
    for name in ("adversarial/pgd/linf-8_255/batch-00000.safetensors", "explanations/clean/batch-00000.safetensors"):
        (run.path / name).unlink()
    assert Run.create(tmp_path, RECIPE, resume=True).results.keys() == set(STEPS)
    (run.path / "samples.safetensors").unlink()
    again = Run.create(tmp_path, RECIPE, resume=True)
    assert "samples" not in again.results


def test_a_folder_or_link_in_a_files_place(tmp_path: Path) -> None:
    run = made(tmp_path / "run", *REMADE)
    (tmp_path / "precious").write_text("mine")
    (run.path / "data.json").unlink()
    (run.path / "data.json").symlink_to(tmp_path / "precious")
    with pytest.warns(Notice, match=r"data\.json"):
        Run.create(run.path, RECIPE, resume=True)
    assert (tmp_path / "precious").read_text() == "mine"
    (run.path / "samples.json").unlink()
    (run.path / "samples.json").mkdir()
    with pytest.raises(InputError, match=r"samples\.json is not a file"):
        Run.create(run.path, RECIPE, resume=True)
    (run.path / "samples.json").rmdir()
    os.mkfifo(run.path / "samples.json")
    with pytest.raises(InputError, match=r"samples\.json is not a file"):
        Run.create(run.path, RECIPE, resume=True)


def test_a_run_of_an_older_version_is_taken_as_it_is_and_it_is_said(tmp_path: Path) -> None:
    run = made(tmp_path, *REMADE)
    run.checksums.path.unlink()
    SPOIL["flipped"](run.path / "samples.safetensors")
    with pytest.warns(Notice, match="cannot be checked"):
        again = Run.create(tmp_path, RECIPE, resume=True)
    assert again.results.keys() == set(STEPS)
    assert not again.checksums.exists
