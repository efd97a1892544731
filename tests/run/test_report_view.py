"""What a run shows in a notebook."""

from pathlib import Path

import pytest

from ironglass.errors import InputError
from ironglass.run import Run


def test_the_report_is_drawn_in_a_frame_that_needs_no_file(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"seed": 1})
    with pytest.raises(InputError, match=r"has no report\.html: write it by ironglass\.write_report"):
        run.show()
    (run.path / "report.html").write_text('<h1 class="a">Ätzend & "gut"</h1>', encoding="utf-8")
    view = run.show(height=300)
    assert repr(view) == f"report: {run.path / 'report.html'}"
    frame = view._repr_html_()
    assert 'srcdoc="&lt;h1 class=&quot;a&quot;&gt;Ätzend &amp; &quot;gut&quot;&lt;/h1&gt;"' in frame
    assert "height: 300px" in frame


def test_a_run_says_what_is_finished(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"seed": 1})
    assert "finished: nothing yet" in run._repr_html_()
    run.record("evaluation", {"split": "test"})
    run.record("attacks", {"n": 3})
    assert "finished: evaluation, attacks" in run._repr_html_()
    assert "report" not in run._repr_html_()
    assert run.to_dict() == run.results
    (run.path / "report.html").write_text("<p>")
    assert "report.html, drawn by .show()" in run._repr_html_()
