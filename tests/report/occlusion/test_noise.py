"""Occlusion and explanation maps that are noise: the page says so, and their colours fade."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ironglass.report import write_report
from ironglass.report.kit.samples import read_samples
from ironglass.run import Run


@pytest.fixture
def weakened(tmp_path: Path) -> Callable[[Run, str, str], str]:
    """The page of a run with the maps of a file whose keys contain a text made a millionth of what they were."""

    def page(run: Run, name: str, part: str) -> str:
        folder = tmp_path / "run"
        shutil.copytree(run.path, folder)
        (folder / "checksums.b2").unlink(missing_ok=True)
        tensors = load_file(folder / name)
        changed = {key: (1e-6 * value if part in key else value) for key, value in tensors.items()}
        assert any(not np.array_equal(changed[key], tensors[key]) for key in tensors)
        save_file({key: value.astype(tensors[key].dtype) for key, value in changed.items()}, folder / name)
        return write_report(folder).read_text("utf-8")

    return page


def test_occlusion_maps(two_classes: Run, weakened: Callable[[Run, str, str], str]) -> None:
    assert "colours off" not in write_report(two_classes).read_text("utf-8")
    page = weakened(two_classes, "samples.safetensors", "occlusion/")
    assert page.count("othing above ± 0.005: colours off") == 1
    assert "+0.005" in page


def test_maps_by_named_methods(explained: Run, weakened: Callable[[Run, str, str], str]) -> None:
    assert "colours off" not in write_report(explained).read_text("utf-8")
    assert weakened(explained, "explained.safetensors", "/maps/").count("colours off") > 1


def test_of_a_loud_score_the_measured_noise_is_the_floor(two_classes: Run) -> None:
    samples = read_samples(two_classes, str)
    assert samples is not None
    assert not samples.occlusion_is_noise()
    images = [entry | {"score_noise": {"probability": 0.999, "logit": 9.0}} for entry in samples.images]
    loud = replace(samples, images=images)
    assert loud.occlusion_floor == 0.999
    assert loud.occlusion_is_noise()
    assert loud.occlusion_scale() > samples.occlusion_scale()
