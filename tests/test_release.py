"""A release says the same of itself wherever it says it: package, changelog, citation."""

import re
from datetime import date
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from ironglass import __version__

ROOT = Path(__file__).parents[1]
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", re.M)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_has_keep_a_changelogs_headings() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.M)
    assert headings[0] == "[Unreleased]"
    assert [RELEASE.match(f"## {heading}") is not None for heading in headings[1:]] == [True] * (len(headings) - 1)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.M)) <= KINDS


def test_releases_run_from_the_newest_to_the_oldest() -> None:
    releases = [(Version(version), date.fromisoformat(day)) for version, day in RELEASE.findall(CHANGELOG)]
    assert len(releases) >= 2
    assert releases == sorted(releases, reverse=True)
    assert len({version for version, _ in releases}) == len(releases)


def test_version_and_day_are_the_changelogs_newest() -> None:
    version, day = RELEASE.findall(CHANGELOG)[0]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (__version__, citation["version"], str(citation["date-released"])) == (version, version, day)


@pytest.mark.parametrize("name", ["bug", "wrong_number", "new_method"])
def test_an_issue_template_has_the_head_that_makes_it_one(name: str) -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.md").read_text()
    assert text.startswith("---\n")
    head = yaml.safe_load(text.split("---\n")[1])
    assert {"name", "about", "labels"} <= head.keys()
