"""Command lines that nobody means: every option of every verb at absurd values ends in one line, before anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import ironglass as ig
from ironglass.cli import verbs
from ironglass.cli.main import _status
from ironglass.run import Run

NUMBERS = ("-1", "nan", "inf", "1e400", "1" + "0" * 20, "", "½", "1,5", "9" * 5000)
WORDS = ("", ",", "💣", "\udcff", "../x", "a_folder", "nan", "a,a", "x" * 5000)
PATHS = ("", ".", "a_file", "a_file/run", "full_folder", "x" * 300, "a_folder/" + "y" * 300)
LEGAL = {  # what of these is a value like any other
    "--hide": {""},  # nothing
    "--lr": {"1" + "0" * 20},  # which diverges, as it says
}
COLUMNS = {"--image-column", "--label-column"}  # of tables: any word may be the name of a column
VALUES = {"--output": PATHS, "--weights": (*WORDS, *PATHS)}
GROUP: Any = typer.main.get_command(verbs.app)


class Started(BaseException):
    """Something was begun that should have been refused."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained run, images, and things to trip over."""
    folder, random = tmp_path_factory.mktemp("place"), np.random.default_rng(0)
    for number, name in enumerate(("dark", "light")):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(120 * number, 120 * number + 60, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.png")
    dataset = ig.load_dataset(str(folder / "photos"))
    classifier = ig.load_classifier("simple-cnn", classes=dataset.classes, size=16, channels=3)
    recipe = ig.Recipe(model="simple-cnn", stages=(ig.Stage(epochs=1, batch_size=8),))
    ig.fit(classifier, dataset, recipe, folder=folder / "trained")
    (folder / "a_folder").mkdir()
    (folder / "a_file").write_text("x")
    (folder / "full_folder").mkdir()
    (folder / "full_folder" / "thesis.txt").write_text("x")
    return folder


@pytest.fixture
def refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs `ironglass ...` there, and gives what is wrong with how it ended; "" where it was refused in one line."""
    monkeypatch.chdir(place)
    there = sorted(place.rglob("*"))

    def starting(begin: Callable[..., Any]) -> Callable[..., None]:
        def started(*given: Any, **fields: Any) -> None:
            begun = begin(*given, **fields)  # which refuses folders itself
            if hasattr(begun, "__enter__"):
                begun.__enter__()
            raise Started

        return started

    for name in ("create", "hold"):  # whatever is begun begins with a run folder
        monkeypatch.setattr(Run, name, starting(getattr(Run, name)))
    monkeypatch.setattr("ironglass.studio.serve.serve", starting(lambda *given, **fields: None))

    def run(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["ironglass", *map(str, words)])
        capfd.readouterr()
        try:
            status = _status()
        except Started:
            return "was begun"
        except BaseException as error:
            return f"a traceback: {error!r:.300}"
        out, err = capfd.readouterr()
        lines = err.splitlines()
        if status != 2 or len(lines) != 1 or not lines[0].startswith("ironglass: ") or len(lines[0]) > 1000 or out:
            return f"status {status}, {out!r:.200}, {err!r:.500}"
        return "" if sorted(place.rglob("*")) == there else "left something behind"

    yield run
    assert sorted(place.rglob("*")) == there


def words_of(verb: str) -> list[str]:
    given = {
        "run": ["digits"],
        "report": ["trained"],
        "predict": ["trained", "photos"],
        "studio": ["trained", "--data=photos"],
    }
    trains = verb in ("train", "harden", "sweep")
    return given.get(verb, ["simple-cnn" if trains else "trained", "photos"])


def lines_of(verb: str) -> Iterator[list[str]]:
    """The verb with one option at a time at an absurd value, and with its arguments at them."""
    context = typer.core._click.Context(GROUP.commands[verb])  # type: ignore[attr-defined]
    for option in GROUP.commands[verb].params:
        if option.param_type_name == "argument" or option.is_flag or option.opts[0] in COLUMNS:
            continue
        name, said = option.opts[0], option.get_help_record(context)[0]
        values = VALUES.get(name, NUMBERS if "<int" in said or "<float" in said else WORDS)
        # what every verb takes is tried with a third of the values in each, all of them over the verbs
        third = slice(list(GROUP.commands).index(verb) % 3, None, 3) if option.rich_help_panel else slice(None)
        for value in values[third]:
            if value not in LEGAL.get(name, ()):
                yield [verb, *words_of(verb), f"{name}={value}"]
        if not option.multiple:
            yield [verb, *words_of(verb), name]  # without its value
    usual = words_of(verb)
    for position in range(len(usual)):
        for value in WORDS:
            if value or verb not in ("run", "predict"):  # a Path of nothing is the folder one is in
                yield [verb, *usual[:position], value, *usual[position + 1 :]]
    yield [verb, *usual, "one-more" if verb != "predict" else "no-such-file.png"]
    yield [verb, *usual, "--no-such-option"]
    yield [verb, *usual, f"{'-' * 3}epochs=1"]
    if verb != "run":
        yield [verb]


@pytest.mark.parametrize("verb", list(GROUP.commands))
def test_every_option_of_every_verb(verb: str, refused: Callable[..., str]) -> None:
    lines = list(lines_of(verb))
    wrong = {" ".join(line)[:200]: said for line in lines if (said := refused(*line))}
    assert not wrong, f"{len(wrong)} of {len(lines)}: {wrong}"


def test_there_are_many_lines() -> None:
    assert sum(len(list(lines_of(verb))) for verb in GROUP.commands) > 600


FIELDS = {
    "name": ("", "../x", "a/b", '"\\u0000"', "[]", "5", "null", '"' + "n" * 300 + '"'),
    "dataset": ("5", "[]", "null"),
    "model": ("5", "[]", "null", "{}"),
    "seed": ("-1", "4294967296", "18446744073709551616", "1e400", "NaN", "one", "1.5", "[1]"),
    "size": ("0", "-1", "1e9", "100000000000", "big", "[16]"),
    "channels": ("2", "0", "-3", "rgb", "[3]"),
    "only": ("3", '{"a":1}', '"a"', "[[]]", "[null]"),
    "options": ("5", "[]", "x", '{"mean":"grey"}', '{"no_such":1}', "[" * 5000),
    "average": ("1", "-0.1", "NaN", "1e400", "half"),
    "stages": ("[]", "5", "{}", "[5]", '[{"epoch":1}]', '[{"epochs":1e400}]', "x", "[" * 5000),
    "stages.0": ("5", "[]", '"x"', '{"epochs":0}', '{"no":1}'),
    "stages.1": ("{}",),
    "stages.²": ("{}",),
    "stages.-1": ("{}",),
    "stages." + "9" * 5000: ("{}",),
    "stages.0.epochs": ("0", "-1", "100000000000000000000", "1e400", "NaN", "ten", "[]", "{}", "1.5"),
    "stages.0.peak_lr": ("0", "-1", "1e400", "NaN", "-Infinity", "fast", "[]"),
    "stages.0.batch_size": ("0", "1", "-5", "100000000000000000000", "NaN", "x"),
    "stages.0.weight_decay": ("-1", "NaN", "1e400", "x"),
    "stages.0.optimiser": ("lion", "5", "[]", "null"),
    "stages.0.schedule": ("cosine", "5", "[]"),
    "stages.0.objective": ("magic", "5", "[]", "null", "{}", '{"kind":"os.system"}', '{"kind":"NFGSM","eps":9}',
                           '{"kind":"NFGSM","no":1}', '{"kind":"AWP"}', '{"kind":5}',
                           '{"kind":"AWP","objective":"free"}'),
    "stages.0.objective.eps": ("0.1",),
    "stages.0.objective.label_smoothing": ("1", "-1", "NaN", "x"),
    "stages.0.trainable_from": ("no_such_layer", "5", "[]", "100%%", "-5%"),
    "stages.0.until": ("5", "x", '{"patience":0}', '{"no":1}'),
    "stages.0.until.patience": ("3",),
    "augment": ("5", "[]", "x", '{"no":1}'),
    "augment.rotate": ("181", "-1", "NaN", "x"),
    "augment.crop": ("-1", "1e400", "x"),
    "start": ("5", "x", "{}", '{"source":5}'),
    "weights": ("5", "[]", "no_such.pt"),
    "no_such": ("1",),
    "epochs": ("1",),
    "": ("1",),
    "...": ("1",),
    "stages..epochs": ("1",),
    "seed.0": ("1",),
    "__class__": ("1",),
    "steps": ('"train"', "[5]", '["fly"]'),
    "split": ("5", '"dev"', "[]"),
    "attacks.eps": ('"banana"', "[-1]", "[NaN]", "[9]", "{}"),
    "attacks": ('["pgd20"]', "5", "[[]]", '[""]'),
    "attacks.norm": ('"l7"', "5"),
    "occlusion.masks": ('["plaid"]', "5"),
    "occlusion.patch": ("0", "99", "x", "1e400"),
    "samples": ("0", "-1", "1e400", "100000000000000000000", "x"),
    "shown": ("-1", "65", "x"),
    "guard": ("sideways", "5"),
    "guard.eps": ("0", "2", "x", "NaN"),
    "corruptions": ('["fog-of-war"]', "5"),
    "explained": ("5", "x", '{"method":1}'),
    "explained.methods": ('["gradcam"]', "5"),
    "explained.target": ("5",),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field[:30] or "none")
def test_every_field_of_set(field: str, refused: Callable[..., str]) -> None:
    verb = "train" if field.startswith(("stages", "start", "augment")) else "evaluate"
    if field in ("options", "size", "model"):
        verb = "train"
    elif field == "occlusion.patch":
        verb = "explain"
    lines = [[verb, *words_of(verb), "--set", f"{field}={value}"] for value in FIELDS[field]]
    wrong = {" ".join(line)[:200]: said for line in lines if (said := refused(*line))}
    assert not wrong, wrong


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "simple-cnn", "photos", "--vary", "stages.0.objective=n-fgsm,magic"),
        ("sweep", "simple-cnn", "photos", "--vary", "stages.0.objective=n-fgsm,n-fgsm"),
        ("sweep", "simple-cnn", "photos", "--vary", "seed=0,4294967296"),
        ("sweep", "simple-cnn", "photos", "--vary", "seed=0,0"),
        ("sweep", "simple-cnn", "photos", "--vary", "=1,2"),
        ("sweep", "simple-cnn", "photos", "--vary", "name=a,b"),
        ("sweep", "simple-cnn", "photos", "--vary", "stages.0.epochs=1,100000000000000000000"),
        ("sweep", "simple-cnn", "photos", "--vary", "stages.0.epochs=" + "[" * 5000),
        ("sweep", "simple-cnn", "photos", "--head-epochs", "3"),
        ("sweep", "simple-cnn", "photos", "--eps", "0.1"),
        ("explain", "trained", "photos", "--eps", "0.1"),
        ("explain", "trained", "photos", "--norm", "l2"),
        ("explain", "trained", "photos", "--methods", "saliency,,"),
        ("attack", "trained", "photos", "--attacks", "pgd20"),
        ("attack", "trained", "photos", "--eps", "0.1,,"),
        ("attack", "trained", "photos", "--eps", "1/0"),
        ("attack", "trained", "photos", "--eps", "0"),
        ("run", "digits", "--jobs", "2"),
        ("run", "digits", "--seeds", "2"),
        ("run", "digits", "--source", "trained"),
        ("run", "digit"),
        ("explian", "trained", "photos"),
        ("train", "simple-cnn", "photos", "--seed", "4294967296"),
        ("train", "resnet18", "photos"),
        ("train", "simple-cnn", "photos", "--epochs", "1", "--epochs", "x"),
        ("report", "trained", "--output", "elsewhere"),
        ("report", "trained", "--resume"),
        ("predict", "trained"),
        ("predict", "trained", "photos", "--resume"),
        ("--no-such-option",),
        ("",),
        ("-",),
        ("💣",),
    ],
    ids=lambda words: " ".join(words)[:60],
)
def test_lines_that_do_not_go_together(words: tuple[str, ...], refused: Callable[..., str]) -> None:
    assert not (said := refused(*words)), said


@pytest.mark.parametrize("call", ["sys.exit(0)", "sys.exit()", "raise SystemExit", "sys.exit('done')", "quit()"])
def test_a_recipe_that_ends_the_program_is_no_success(call: str, refused: Callable[..., str], tmp_path: Path) -> None:
    recipe = tmp_path / "mine.py"
    recipe.write_text(f"import sys\nimport site\n{call}\n")
    assert not (said := refused("run", recipe)), said


@pytest.mark.parametrize("where", ["import", "build", "forward"])
def test_nor_is_a_network_that_does(where: str, refused: Callable[..., str], tmp_path: Path) -> None:
    ends = {name: "sys.exit(0)" if name == where else "pass" for name in ("import", "build", "forward")}
    (tmp_path / "net.py").write_text(
        f"import sys\nfrom torch import nn\n{ends['import']}\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, classes):\n"
        f"        super().__init__()\n        {ends['build']}\n        self.linear = nn.Linear(768, classes)\n"
        "    def forward(self, images):\n"
        f"        {ends['forward']}\n        return self.linear(images.flatten(1))\n"
    )
    assert not (said := refused("train", f"{tmp_path / 'net.py'}:Net", "photos")), said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_file_without_rights(place: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    locked = tmp_path / "locked.pt"
    locked.write_bytes(b"x")
    locked.chmod(0)
    assert not (said := refused("evaluate", "simple-cnn", "photos", "--weights", locked)), said
    tmp_path.chmod(0o500)
    assert not (said := refused("evaluate", "trained", "photos", "--output", tmp_path / "run")), said
