"""Answers to the requests of a page, from JSON to JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.report.kit.pictures import HEAT, SIGNED
from ironglass.studio.answers.catalogue import Listed, catalogues
from ironglass.studio.answers.comparison_words import comparison_words, short_names
from ironglass.studio.answers.encode import as_text, pixels_as_json, png_as_text, shown_as_json, thumbnail_as_json
from ironglass.studio.answers.lines import Picked, command_lines, python_lines
from ironglass.studio.answers.request import ATTACKS, MOST_STEPS, STEPS, Request, read_request
from ironglass.studio.answers.search import smallest_steps, worst_position
from ironglass.studio.answers.view import View, view
from ironglass.studio.edit.strokes import FILLS, MOST_DONORS, read_fill
from ironglass.studio.load import Opened
from ironglass.studio.sessions import Sessions
from ironglass.studio.superseded import Check, unchecked
from ironglass.types import Images

PAGE = 24
"""Pictures of a list that are sent at once."""
GALLERY_CLASSES, GALLERY_PICTURES = 12, 12
"""Classes of a gallery that are sent at once, and pictures of each."""

Given = dict[str, Any]


class Answers:
    """Models, their pictures, and the answers."""

    def __init__(self, opened: Sequence[Opened], sessions: Sessions) -> None:
        self.opened, self.sessions = tuple(opened), sessions
        self.catalogues = catalogues(opened)
        self.names = short_names([one.plan.model for one in opened])

    def begin(self) -> Given:
        """The first answer to a page: all that its controls offer, and its key."""
        first = self.opened[0]
        split = first.split
        return {
            "page": self.sessions.open(),
            "models": self.names,
            "paths": [one.plan.model for one in self.opened],
            "classes": list(first.classifier.classes),
            "size": list(first.classifier.input_size),
            "split": None if split is None else {"data": first.plan.dataset, "name": split[0], "n": len(split[1])},
            "lists": [one.names() for one in self.catalogues],
            "methods": list(EXPLAINERS), "attacks": list(ATTACKS), "steps": STEPS, "most_steps": MOST_STEPS,
            "fills": list(FILLS), "most_donors": MOST_DONORS, "heat": as_text(HEAT), "signed": as_text(SIGNED),
            "fit": first.reading.fit,
            "remarks": sorted({remark for one in self.opened for remark in one.classifier.remarks}),
        }  # fmt: skip

    def pictures(self, request: Given, pause: Check = unchecked) -> Given:
        """Some pictures of a list, of all classes or one, from a position in it on."""
        model, start = self._model(request), whole(request, "start", 0, 10**9)
        if self.opened[model].split is None:
            return {"n": 0, "start": 0, "pictures": [], "classified": 0}
        listed = self._listed(request, model, pause).of_class(self._labels(model), self._class(request))
        return {
            "n": len(listed.index), "start": start, "classified": listed.classified,
            "pictures": self._thumbnails(model, listed, slice(start, start + PAGE)),
        }  # fmt: skip

    def gallery(self, request: Given, pause: Check = unchecked) -> Given:
        """The first pictures of a list by class, of those classes that it has pictures of."""
        model, start = self._model(request), whole(request, "start", 0, 10**9)
        if self.opened[model].split is None:
            return {"n": 0, "start": 0, "classes": [], "classified": 0}
        listed, labels = self._listed(request, model, pause), self._labels(model)
        present = np.unique(labels[listed.index]).tolist()
        rows = [(one, listed.of_class(labels, one)) for one in present[start : start + GALLERY_CLASSES]]
        return {
            "n": len(present), "start": start, "classified": listed.classified,
            "classes": [
                {"class": one, "n": len(row.index), "pictures": self._thumbnails(model, row, slice(GALLERY_PICTURES))}
                for one, row in rows
            ],
        }  # fmt: skip

    def picture(self, request: Given) -> Given:
        """The pixels of one picture."""
        return {"pixels": pixels_as_json(self._picture(request, request, self.opened[self._model(request)])[0])}

    def _listed(self, request: Given, model: int, pause: Check) -> Listed:
        return self.catalogues[model].pictures(request.get("list", "all"), pause)

    def _labels(self, model: int) -> np.ndarray:
        split = self.opened[model].split
        assert split is not None
        return split[1].labels

    def _class(self, request: Given) -> int | None:
        if request.get("class") is None:
            return None
        return whole(request, "class", 0, len(self.opened[0].classifier.classes) - 1)

    def _thumbnails(self, model: int, listed: Listed, part: slice) -> list[Given]:
        split = self.opened[model].split
        assert split is not None
        rows: list[Given] = []
        for number, i in enumerate(listed.index[part].tolist(), start=part.start or 0):
            row: Given = {"index": i, "label": int(split[1].labels[i]), "name": split[1].names[i]}
            if listed.predictions is not None:
                row["prediction"] = int(listed.predictions[number])
            if listed.losses is not None:
                loss = float(listed.losses[number])
                row["loss"] = loss if np.isfinite(loss) else None
            rows.append(row | {"pixels": thumbnail_as_json(split[1][i][0])})
        return rows

    def view(self, request: Given, check: Check = unchecked) -> Given:
        """A view: pictures, maps, probabilities, and two models in words."""
        started = time.perf_counter()
        check()
        picked, read = self._read(request)
        shown = _view(picked, read, check)
        classes = picked.opened.classifier.classes
        return {
            **shown_as_json(shown, classes),
            "label": picked.label,
            "words": comparison_words(shown, read, picked.label, self._pair_names(request), classes),
            "seconds": time.perf_counter() - started,
        }

    def numbers(self, request: Given) -> Given:
        """All numbers of a view as they are, and what gives them again."""
        picked, read = self._read(request)
        shown = _view(picked, read, unchecked)
        opened, second = picked.opened, picked.second
        numbers: Given = {
            "model": opened.plan.model,
            "data": opened.plan.dataset,
            "classes": list(opened.classifier.classes),
            "label": picked.label,
            "target": shown.target,
            "degrees": read.degrees,
            **_numbers(shown),
            "changed": shown.pair[1:].tolist(),
        }
        if second is not None and shown.second is not None:
            words = comparison_words(shown, read, picked.label, self._pair_names(request), opened.classifier.classes)
            numbers["second"] = {"model": second.plan.model, **_numbers(shown.second), "words": words}
        return numbers | {
            "python": python_lines(picked, read, shown),
            "commands": command_lines(picked, read),
            "photo_png": png_as_text(picked.images),
            "painted_png": png_as_text(shown.painted),
            "modified_png": png_as_text(shown.pair[1:]),
            "donor_pngs": [png_as_text(donor) for donor in picked.donors],
        }

    def smallest(self, request: Given, check: Check = unchecked) -> Given:
        """The smallest steps of the slider at which the attack fools the model that it is made on."""
        picked, read = self._read(request)
        classifier = picked.opened.classifier
        return {"steps": smallest_steps(classifier, picked.images, picked.label, read, check, donors=picked.donors)}

    def worst(self, request: Given, check: Check = unchecked) -> Given:
        """The worst position of a patch, as a stroke that paints it."""
        picked, read = self._read(request)
        fill, side = read_fill(request.get("fill")), whole(request, "side", 1, 10**4)
        classifier = picked.opened.classifier
        patch, left = worst_position(classifier, picked.images, read, side, fill, check, donors=picked.donors)
        return {"stroke": {"kind": patch.kind, **vars(patch)}, "probability": left}

    def _read(self, request: Given) -> tuple[Picked, Request]:
        """The picture, the donors and the models that a request names, and the request itself. Raises InputError."""
        model = self._model(request)
        opened, second = self.opened[model], None
        if request.get("second") is not None:
            second = self.opened[whole(request, "second", 0, len(self.opened) - 1)]
        named = request.get("donors", [])
        if not isinstance(named, list) or len(named) > MOST_DONORS or not all(isinstance(one, dict) for one in named):
            raise InputError(f"donors: give a list of at most {MOST_DONORS} pictures")
        read = read_request(request, len(opened.classifier.classes), len(named))
        images, label, index = self._picture(request, request, opened)
        donors = [self._picture(request, one, opened) for one in named]
        return Picked(
            opened=opened, images=images, label=label, index=index, second=second,
            donors=tuple(donor for donor, _, _ in donors), donor_index=tuple(index for _, _, index in donors),
        ), read  # fmt: skip

    def _picture(self, request: Given, named: Given, opened: Opened) -> tuple[Images, int | None, int | None]:
        """A picture, and its label and position in the split where it has them."""
        if "upload" in named:
            name = named["upload"]
            return self.sessions.picture(page_key(request), name if isinstance(name, str) else ""), None, None
        if opened.split is None:
            raise InputError("open a picture first: the studio was started without data")
        index = whole(named, "index", 0, len(opened.split[1]) - 1)
        images, labels = opened.split[1][index]
        return images, int(labels[0]), index

    def _model(self, request: Given) -> int:
        return whole(request, "model", 0, len(self.opened) - 1)

    def _pair_names(self, request: Given) -> list[str]:
        return [self.names[request.get("model", 0)], self.names[request.get("second") or 0]]


def _view(picked: Picked, request: Request, check: Check) -> View:
    second = None if picked.second is None else picked.second.classifier
    return view(
        picked.opened.classifier, picked.images, picked.label, request, check, donors=picked.donors, second=second
    )  # fmt: skip


def _numbers(output: Any) -> Given:
    return {
        "predictions": list(output.predictions),
        "logits": output.logits.tolist(),
        "probabilities": output.logits.softmax(1).tolist(),
        "maps": {name: maps.tolist() for name, maps in output.maps.items()},
    }


def page_key(request: Mapping[str, Any]) -> str:
    """The key of the page that asks. Raises InputError where there is none."""
    key = request.get("page")
    if not isinstance(key, str):
        raise InputError("page: give the key of this page")
    return key


def whole(request: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A whole number of a request, 0 where it is absent. Raises InputError for anything else."""
    value = request.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name}: give a whole number from {low} to {high}")
    return value
