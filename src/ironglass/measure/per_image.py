"""Tables with one row per image and condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ironglass.data.dataset import Split
from ironglass.measure.accuracy import finite_logits, probabilities, top
from ironglass.measure.arrow_arrays import arrow_array
from ironglass.measure.calibration import brier_scores
from ironglass.measure.confidence.temperature import scaled_shares
from ironglass.models.classifier import Classifier
from ironglass.models.predict import predicted
from ironglass.run import Run
from ironglass.types import Logits

_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # some spreadsheets accept the full-width forms, too


def per_image(
    split: Split,
    classifier: Classifier,
    logits: Logits,
    *,
    condition: str,
    eps: float,
    linf: np.ndarray,
    least_share: float | None = None,
) -> pa.Table:
    """The table of one condition. linf: largest change of any pixel an image, in units of [0, 1].

    An image whose logits have no largest has no prediction, and is not right. least_share: the probability from which a
    class belongs to an image's set, whose size is then a column; None for no such column.
    """
    positions, confidence = top(classifier, logits)
    shares = scaled_shares(finite_logits(classifier, logits).double().numpy())
    sizes = {} if least_share is None else {"set_size": (shares >= least_share).sum(1)}
    names = np.asarray(classifier.classes)
    prediction = predicted(logits).numpy()
    columns = {
        "name": np.asarray(split.names, dtype=object),
        "condition": np.full(len(split), condition),
        "eps": np.full(len(split), eps, dtype=np.float64),
        "label": names[split.labels],
        "prediction": arrow_array(names[prediction], absent=prediction < 0),
        "confidence": confidence[:, 0],
        "brier": brier_scores(probabilities(classifier, logits).numpy(), split.labels),
        "true_confidence": shares[np.arange(len(split)), split.labels],
        **sizes,
        "correct": prediction == split.labels,
        "top5": names[positions],
        "top5_confidence": confidence.astype(np.float64),
        "fooled": (prediction != split.labels) & (eps > 0),
        "linf": linf,
    }
    return pa.table(
        {name: column if isinstance(column, pa.Array) else arrow_array(column) for name, column in columns.items()}
    )


def recorded_least_share(run: Run) -> float | None:
    """The probability from which a class belongs to a set, as the run's results have it; None for no sets."""
    sets = run.results.get("confidence", {}).get("sets")
    return sets["least_share"] if sets else None


def write_per_image(run: Run, name: str, tables: Sequence[pa.Table]) -> None:
    """Writes `per_image/NAME.parquet`."""
    with run.atomic(run.path / "per_image" / f"{name}.parquet") as path:
        pq.write_table(pa.concat_tables(tables), path)


def write_predictions(run: Run, names: Sequence[str], classifier: Classifier, logits: Logits) -> list[dict[str, Any]]:
    """Writes `predictions.csv`, one image a line with its five most probable classes, and returns the lines.

    Confidences are numbers; for an image without prediction, see `predicted`, they and the classes are None. In the
    file, text that a spreadsheet would evaluate as a formula begins with an apostrophe.
    """
    logits = torch.as_tensor(logits)
    positions, confidence = top(classifier, logits)
    classes = classifier.classes
    has_prediction = (predicted(logits) >= 0).tolist()
    rows = []
    for name, row, shares, is_judged in zip(names, positions, confidence, has_prediction, strict=True):
        line: dict[str, Any] = {"name": name}
        for rank, (position, share) in enumerate(zip(row, shares, strict=True), start=1):
            named = (classes[position], _number(share)) if is_judged else (None, None)
            line |= {f"class_{rank}": named[0], f"confidence_{rank}": named[1]}
        rows.append(line)
    lines = [",".join(rows[0]), *(",".join(map(_cell, row.values())) for row in rows)]
    run.write_text("predictions.csv", "\n".join(lines) + "\n")
    return rows


def _number(share: float) -> float | None:
    return round(float(share), 6) if np.isfinite(share) else None


def _cell(value: str | float | None) -> str:
    """A cell as spreadsheets show it and never run it (OWASP's CSV injection)."""
    if not isinstance(value, str):
        return "" if value is None else f"{value:.6f}"
    value = f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    # Python's csv leaves a lone carriage return without quotes, and then cannot read its own line
    return '"' + value.replace('"', '""') + '"' if any(mark in value for mark in ',"\r\n') else value
