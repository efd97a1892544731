"""Every command and snippet of the documentation's pages is run, in order, in a folder of its own."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = ("architecture.md", "benchmarks.md", "experiments.md", "results.md", "run-folder.md")
"""Pages that record what was measured or built: their commands took minutes to hours and are not run again."""
BLOCK = re.compile(
    r"^(?:<!-- not run here: (?P<reason>[^\n]+) -->\n)?"
    r"(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. reason: why it is not run, "" where it is. line: where it begins, from 1."""

    page: str
    line: int
    language: str
    text: str
    reason: str = ""

    @property
    def file(self) -> str:
        """The file that the block is the text of, by the comment it begins with; "" for none."""
        first = re.match(r"# (\w[\w./-]*\.\w+)\n", self.text)
        return first[1] if first else ""

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Of a console block: each command, and the lines of output shown below it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line)
        return found


def pages() -> list[str]:
    """Every Markdown page, relative to docs/."""
    return sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page in their order, Sphinx's own directives left out."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    for one in BLOCK.finditer(text):
        if not one["language"].startswith("{"):
            line = text[: one.start("fence")].count("\n") + 1
            found.append(Block(page, line, one["language"].strip(), one["text"], one["reason"] or ""))
    return found


def runnable(page: str) -> list[Block]:
    """The python and console blocks of a page that are run."""
    return [one for one in blocks(page) if one.language in ("python", "console") and not one.reason]


RUN = [page for page in pages() if page not in RECORDS and runnable(page)]
NOT_RUN = {
    ("index.md", "installs into the environment"),
    ("howto/studio.md", "serves until Ctrl-C"),
}
"""Each block that is not run, by its page and the reason that the page gives."""


def command_line(line: str) -> tuple[int, str]:
    """Runs one `ironglass ...` in this process: its status, and what it printed."""
    from ironglass.cli.main import _status

    said = io.StringIO()
    words = shlex.split(line, comments=True)
    assert words[0] == "ironglass", line
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        patch.setattr(sys, "argv", words)
        status = _status()
    return status, said.getvalue()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the first quickstart, which the how-to guides go on from."""
    folder = tmp_path_factory.mktemp("docs") / "first"
    status, said = command_line(f"ironglass train simple-cnn digits --epochs 2 --quiet --output {folder}")
    assert status == 0, said
    return folder


def photographs(folder: Path, number: int) -> None:
    """Bright "dogs" and dark "cats", 40 x 30 pixels."""
    generator = np.random.default_rng(0)
    for name, light in (("cat", 60), ("dog", 180)):
        (folder / name).mkdir(parents=True)
        for i in range(number):
            pixels = np.clip(generator.normal(light, 30, (30, 40, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")


def registries() -> list[dict[str, object]]:
    """What `ironglass.register` adds to."""
    from ironglass.attacks import ATTACKS
    from ironglass.explain import EXPLAINERS
    from ironglass.harden import OBJECTIVES
    from ironglass.train.objective import NAMED

    return [ATTACKS, EXPLAINERS, OBJECTIVES, NAMED]


@pytest.fixture
def workspace(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the pages take for granted: runs/first, photos/ of two classes, new_photos/ without labels."""
    shutil.copytree(trained, tmp_path / "runs" / "first")
    photographs(tmp_path / "photos", 24)
    shutil.copytree(tmp_path / "photos" / "cat", tmp_path / "new_photos")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    kept = [(registry, dict(registry)) for registry in registries()]
    yield tmp_path
    for registry, known in kept:
        registry.clear()
        registry.update(known)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def matches(shown: list[str], said: str) -> bool:
    """Whether the lines that a page shows occur in this order; "..." is any text, and blanks do not count."""
    patterns = [".*".join(re.escape(" ".join(part.split())) for part in line.split("...")) for line in shown]
    text = "\n".join(" ".join(line.split()) for line in said.splitlines())
    return re.search(".*?".join(patterns), text, re.DOTALL) is not None


def run(block: Block, names: dict[str, object]) -> None:
    if block.language == "console":
        for line, shown in block.commands:
            if line.startswith("ironglass train simple-cnn digits --epochs 2 --output runs/first"):
                shutil.rmtree("runs/first")
            status, said = command_line(line)
            assert status == 0, f"{block.page}:{block.line}: {line}\n{said}"
            assert matches(shown, said), f"{block.page}:{block.line}: {line}\n{said}"
    elif block.file:
        Path(block.file).write_text(block.text, encoding="utf-8")
    else:
        exec(compile("\n" * block.line + block.text, block.page, "exec"), names)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_page_runs(page: str, workspace: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in runnable(page):
        run(block, names)


def test_what_is_not_run_is_named() -> None:
    skipped = [(one.page, one.reason) for page in pages() for one in blocks(page) if one.reason]
    assert len(skipped) == len(NOT_RUN), skipped
    assert set(skipped) == NOT_RUN


def test_every_block_says_what_it_is() -> None:
    """A block in no language, or in one by which it would not be run ("sh"), hides a command from the test."""
    for page in set(pages()) - set(RECORDS):
        for block in blocks(page):
            assert block.language in ("python", "console", "text", "json", "toml", "csv", "yaml"), (
                f"{page}:{block.line}"
            )
            assert block.language != "text" or "$ ironglass" not in block.text, f"{page}:{block.line}"


def test_the_workflow_is_yaml_and_its_commands_can_be_typed() -> None:
    """The GitHub Action cannot run here: each of its `ironglass` lines is parsed as the command line parses it."""
    from ironglass.cli import verbs
    from ironglass.studies.runs_compared.thresholds import parse

    [workflow] = [yaml.safe_load(one.text) for one in blocks("howto/gate-in-ci.md") if one.language == "yaml"]
    lines = [step.get("run", "") for step in workflow["jobs"]["gate"]["steps"]]
    typed = [shlex.split(line) for line in lines if line.startswith("ironglass ")]
    assert [words[1] for words in typed] == ["attack", "compare"]
    commands = typer.main.get_command(verbs.app).commands  # type: ignore[attr-defined]
    for _, verb, *words in typed:
        with commands[verb].make_context(verb, words) as context:
            conditions = context.params.get("fail_if") or ()
            assert [parse(text).text for text in conditions] == list(conditions)
    assert conditions


def test_the_names_of_conditions_are_documented() -> None:
    from ironglass.studies.runs_compared.thresholds import NAMES

    page = (DOCS / "howto/gate-in-ci.md").read_text(encoding="utf-8")
    for name, (arguments, _) in NAMES.items():
        given = f"[{','.join(arguments)}]" if arguments else ""
        assert f"`{name}{given}`" in page


def test_the_pages_that_are_run_are_not_few() -> None:
    kinds = [block.language for page in RUN for block in runnable(page)]
    assert len(RUN) >= 3
    assert kinds.count("console") >= 8
    assert kinds.count("python") >= 3


@pytest.mark.parametrize(
    ("shown", "said", "right"),
    [
        (["accuracy ...", "report: x"], "accuracy  97 %\nmore\nreport: x", True),
        (["report: x", "accuracy ..."], "accuracy  97 %\nreport: x", False),
        (["accuracy 97 %"], "accuracy 98 %", False),
    ],
)
def test_matching(shown: list[str], said: str, right: bool) -> None:
    assert matches(shown, said) is right
