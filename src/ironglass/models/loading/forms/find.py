"""The form of a model's name, among all that there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.forms.exported_file import ExportedFile
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.forms.hub_model import HubModel
from ironglass.models.loading.forms.model_folder import SOURCES, ModelFolder
from ironglass.models.loading.forms.python_file import PythonFile
from ironglass.models.loading.forms.zoo_network import NETWORKS
from ironglass.models.request import ModelRequest

FORMS: tuple[NameForm, ...] = (*SOURCES, HubModel(), ModelFolder(), ExportedFile(), PythonFile())
"""All forms of names; a name has the first that matches."""

EXAMPLES = (
    f"{', '.join(NETWORKS)}, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH, file.py:function, "
    "net.pt2, net.onnx, or a run folder"
)
"""The forms as messages list them."""


def find_form(name: str) -> NameForm | None:
    """The form of the name; None for one of no form."""
    return next((form for form in FORMS if form.matches(name)), None)


def find_builder(name: str) -> Callable[[ModelRequest], Classifier]:
    """Finds the builder of the named model. Raises InputError for a name of no known form; nothing is built or fetched
    yet."""
    if form := find_form(name):
        return form.build
    if Path(name).is_dir():
        raise InputError(f"{name} holds no config.json, so it is not a run or model folder")
    raise InputError(f"unknown model {name!r}{did_you_mean(name, _suggestions(name))}: give {EXAMPLES}")


def _suggestions(name: str) -> list[str]:
    """Whatever could have been meant by a name without a prefix: our networks, torchvision's and timm's."""
    if not name or len(name) > 60:
        return []
    return sorted(
        (known_name for form in SOURCES for known_name in form.names()),
        key=lambda known_name: known_name.startswith("timm/"),
    )
