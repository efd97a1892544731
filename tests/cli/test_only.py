"""`--only`: some of the data's classes, from the command line."""

import json
from collections.abc import Callable
from pathlib import Path


def test_some_classes_are_trained_on_and_measured(call, tmp_path: Path, draw: Callable[..., Path]) -> None:
    data = draw(tmp_path / "three", classes=("dark", "grey", "light"), per_class=12)
    status, out, err = call(
        "train", "logistic", data, "--only", "light,dark", "--epochs", 1, "--output", "run", "--json"
    )
    assert status == 0, err
    assert json.loads((tmp_path / "run" / "data.json").read_text())["classes"] == ["light", "dark"]
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["only"] == ["light", "dark"]
    measured = json.loads(out)["results"]["evaluation"]["accuracy"]
    status, out, _ = call("evaluate", "run", data, "--only", "dark,light", "--json")  # matched by name, in any order
    assert status == 0
    assert json.loads(out)["results"]["evaluation"]["accuracy"] == measured


def test_what_is_not_there_ends_in_one_line(call, tmp_path: Path, draw: Callable[..., Path]) -> None:
    data = draw(tmp_path / "three", classes=("dark", "grey", "light"), per_class=12)
    for only, says in (("dark,lite", "no class 'lite': there are dark, grey, light"), ("dark", "two classes or more")):
        status, out, err = call("train", "logistic", data, "--only", only, "--output", "run")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert says in err
    assert not (tmp_path / "run").exists()
    status, _, err = call("run", "mnist-3v7", "--data", data, "--only", "dark,black")
    assert status == 2
    assert "no class 'black'" in err
