"""Help in groups with an example a verb, the version, and completion for the shell."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from ironglass import __version__
from ironglass.cli import verbs
from ironglass.cli.help import EXAMPLES

GROUP: Any = typer.main.get_command(verbs.app)


def test_the_version_is_said_with_what_it_runs_on(call) -> None:
    import torch

    status, out, err = call("--version")
    assert (status, err) == (0, "")
    assert (
        out
        == f"ironglass {__version__} (Python {sys.version.split()[0]}, torch {torch.__version__.partition('+')[0]})\n"
    )


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_all_verbs_stand_in_groups(call, words: tuple[str, ...]) -> None:
    status, out, err = call(*words)
    assert (status, err) == (0, "")
    places = [out.index(f"{panel}:") for panel in verbs.PANELS]
    assert places == sorted(places)
    for panel, group in verbs.PANELS.items():
        section = out[out.index(f"{panel}:") :].split("\n\n")[0]
        for verb in group:
            assert f"\n  {verb.__name__} " in section


def test_every_verb_is_in_a_group_and_has_an_example() -> None:
    assert set(GROUP.commands) == set(EXAMPLES) == {verb.__name__ for group in verbs.PANELS.values() for verb in group}


@pytest.mark.parametrize("verb", EXAMPLES)
def test_help_ends_with_an_example_that_can_be_typed(call, verb: str) -> None:
    status, out, _ = call(verb, "--help")
    assert status == 0
    assert out.endswith(f"\nExample:\n  $ {EXAMPLES[verb]}\n")
    if verb in ("studio", "show"):  # which make no run
        assert out.index("Options:") < out.index("--no-browser") < out.index("Example:")
    else:
        assert out.index("Options:") < out.index("General options:") < out.index("--json")
    name, typed, *words = shlex.split(EXAMPLES[verb])
    assert (name, typed) == ("ironglass", verb)
    with GROUP.commands[verb].make_context(verb, words) as context:  # as the parser reads it
        given = [param.name for param in GROUP.commands[verb].params if param.param_type_name == "argument"]
        assert all(context.params[name] for name in given)


COMPLETED = [
    ("ironglass ex", 1, {"explain"}),
    ("ironglass ", 1, set(GROUP.commands)),
    ("ironglass train --ep", 2, {"--epochs", "--eps-ramp"}),
    ("ironglass attack x y --at", 4, {"--attacks"}),
]


@pytest.mark.parametrize(("words", "position", "found"), COMPLETED)
def test_the_shell_completes_verbs_and_options(words: str, position: int, found: set[str]) -> None:
    asked = {"_IRONGLASS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
    done = subprocess.run([sys.executable, "-m", "ironglass"], capture_output=True, text=True, env=os.environ | asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell(shell: str) -> None:
    env = os.environ | {"_IRONGLASS_COMPLETE": f"source_{shell}"}
    done = subprocess.run([sys.executable, "-m", "ironglass"], capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_IRONGLASS_COMPLETE" in done.stdout
    assert "ironglass" in done.stdout


def test_it_is_installed_where_the_shell_reads_it(tmp_path: Path) -> None:
    env = os.environ | {
        "HOME": str(tmp_path),
        "SHELL": "/bin/bash",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    words = [sys.executable, "-m", "ironglass", "--install-completion", "bash"]
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" in (tmp_path / ".bash_completions" / "ironglass.sh").read_text()


@pytest.mark.parametrize(
    ("wrong", "meant"), [("explian", "explain"), ("evalute", "evaluate"), ("atack", "attack"), ("predicts", "predict")]
)
def test_a_misspelt_verb_is_answered_with_the_one_that_was_meant(call, wrong: str, meant: str) -> None:
    status, out, err = call(wrong, "x")
    assert (status, out) == (2, "")
    assert f"Did you mean '{meant}'?" in err


def test_a_misspelt_option_too(call) -> None:
    status, _, err = call("train", "a", "b", "--epoch", "3")
    assert status == 2
    assert "--epochs" in err
    assert err.endswith("See ironglass train --help.\n")
