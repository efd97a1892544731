"""Which form a model's name has, and what it tells before anything is built."""

from pathlib import Path

import pytest

from ironglass import load_classifier, save_classifier
from ironglass.errors import InputError
from ironglass.models.loading.forms.exported_file import ExportedFile
from ironglass.models.loading.forms.find import FORMS, find_builder, find_form
from ironglass.models.loading.forms.hub_model import HubModel
from ironglass.models.loading.forms.model_folder import ModelFolder
from ironglass.models.loading.forms.python_file import PythonFile
from ironglass.models.loading.forms.timm_network import TimmNetwork
from ironglass.models.loading.forms.torchvision_network import TorchvisionNetwork
from ironglass.models.loading.forms.transformers_type import TransformersType
from ironglass.models.loading.forms.zoo_network import NETWORKS, ZooNetwork
from ironglass.models.loading.native import check_name, is_code, known_names, knows_classes, native_size

NAMES = [
    ("simple-cnn", ZooNetwork),
    ("timm/resnet18", TimmNetwork),
    ("torchvision/resnet18", TorchvisionNetwork),
    ("transformers/vit", TransformersType),
    ("hf-hub:someone/model", HubModel),
    ("local-dir:somewhere", ModelFolder),
    ("net.PT2", ExportedFile),
    ("net.py", PythonFile),
    ("net.py:Net", PythonFile),
]


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_a_name_has_one_form(name: str, form: type) -> None:
    assert [type(one) for one in FORMS if one.matches(name)] == [form]
    assert isinstance(find_form(name), form)


def test_every_form_has_an_example_here() -> None:
    assert {type(one) for one in FORMS} == {form for _, form in NAMES}


def test_a_name_of_no_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.py").mkdir()  # a folder, whatever it is called
    for name, words in (("unheard-of", "unknown model"), (str(tmp_path / "net.py"), "holds no config.json")):
        with pytest.raises(InputError, match=words):
            check_name(name)
        assert find_form(name) is None
        assert native_size(name) is None
        assert knows_classes(name, weighted=False)


def test_what_the_forms_tell_of_size_and_classes(tmp_path: Path) -> None:
    save_classifier(load_classifier("simple-cnn", classes=["a", "b"], size=(24, 32)), tmp_path)
    told = {
        name: (native_size(name), knows_classes(name, weighted=False), knows_classes(name, weighted=True))
        for name in ("simple-cnn", "timm/vit_tiny_patch16_224", "torchvision/inception_v3", "net.py", "net.onnx")
    }
    assert told == {
        "simple-cnn": (None, False, False),
        "timm/vit_tiny_patch16_224": ((224, 224), False, True),
        "torchvision/inception_v3": ((299, 299), False, True),
        "net.py": (None, False, False),
        "net.onnx": (None, False, False),
    }
    for name in (str(tmp_path), f"local-dir:{tmp_path}"):
        assert (native_size(name), knows_classes(name, weighted=False)) == ((24, 32), True)


def test_a_folder_called_as_a_network_of_ours_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classifier(load_classifier("simple-cnn", classes=["a", "b"], size=24), tmp_path / "simple-cnn")
    monkeypatch.chdir(tmp_path)
    assert native_size("simple-cnn") is None
    assert native_size("./simple-cnn") == (24, 24)


def test_a_folder_chooses_no_code_and_no_form_that_fetches() -> None:
    from ironglass.models.loading.forms.model_folder import SOURCES

    for name in ("net.py:Net", "net.pt", "hf-hub:someone/model", "local-dir:elsewhere", "unheard-of"):
        assert not any(form.matches(name) for form in SOURCES), name
    assert is_code("net.py:Net")
    assert is_code("net.pt")


def test_our_own_names_come_first() -> None:
    names = known_names()
    assert names[: len(NETWORKS)] == list(NETWORKS)
    assert {"timm/resnet18", "torchvision/resnet18"} <= set(names)
    assert all(find_builder(name) for name in names)
