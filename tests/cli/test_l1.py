"""L1 on the command line: pages that say so, and sizes that are of L1."""

from pathlib import Path


def test_pages_say_what_l1_measures(call, tmp_path: Path, photos: Path, trained: Path) -> None:
    options = ("--samples", 4, "--shown", 2, "--quiet", "--norm", "l1", "--attacks", "pgd-2")
    for verb, more in (("attack", ("--eps", "12")), ("explain", ("--methods", "saliency", "--quality", 0))):
        folder = tmp_path / verb
        code, _, _ = call(verb, str(trained), str(photos), *options, *more, "--output", folder)
        assert code == 0
        page = (folder / "report.html").read_text("utf-8")
        assert "(L1): the most that the changes of all values add up to" in page
        assert "eps 12 (L1)" in page
        assert "(the L2 norm)" not in page
    assert "add up to at most <em>eps</em> (the L1 norm)" in (tmp_path / "attack/report.html").read_text("utf-8")
