"""A picture of every map, for people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ironglass.measure.maps.attribution import image_maps
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.attack.image_folder import file_names
from ironglass.studies.steps.explanation.run import Explanations, batch_file, read_explained


def write_pictures(run: Run, explanations: Explanations, progress: Tell) -> None:
    """Writes `explanations/CONDITION/png/METHOD/CLASS/IMAGE.png`: red for the target, blue against it, white nought.

    One image's maps by one method share a scale in all conditions, the 99th percentile of |map|; the file says which
    under `scale`. CLASS is the true class.
    """
    from ironglass.report.kit.map_scale import full_scale  # late: matplotlib takes its time
    from ironglass.report.kit.pictures import SIGNED, signed_index

    split, size = explanations.split, explanations.split.pixels.shape[1:3]
    files = file_names(split.names, split.labels, explanations.classifier.classes)
    methods, batch = list(explanations.methods), explanations.settings.batch
    for number in range(explanations.count):
        progress("drawing maps", number, explanations.count, "")
        by_condition = {
            one.name: read_explained(batch_file(run, one.name, number), methods)[1] for one in explanations.conditions
        }
        for method in methods:
            maps = {
                name: image_maps(by_method[method], (size[0], size[1])).numpy()
                for name, by_method in by_condition.items()
            }
            for i, file in enumerate(files[number * batch : (number + 1) * batch]):
                scale = full_scale([part[i] for part in maps.values()])
                for name, part in maps.items():
                    folder = run.path / "explanations" / name / "png" / method
                    _write(run, folder / file, SIGNED[signed_index(part[i], scale)], scale)


def _write(run: Run, path: Path, picture: np.ndarray, scale: float) -> None:
    metadata = PngInfo()
    metadata.add_text("scale", f"{scale:.6g}")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, pnginfo=metadata)
    run.lister(path)(path)  # no picture is used again before all are recorded, so none need come in one step
