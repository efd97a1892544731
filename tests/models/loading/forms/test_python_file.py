"""Networks from the user's own Python files."""

import sys
from pathlib import Path

import pytest
import torch

import ironglass as ig
from ironglass.errors import InputError
from ironglass.models import Classifier, load_classifier, save_classifier

CLASSES = ("cat", "dog", "eel")
IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
HEAD = "import torch\nfrom torch import nn\n"
NET = """
class Net(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4 * 14 * 14, {count})
    def forward(self, x):
        x = self.conv(x).relu()
        return self.last(x.view(x.size(0), -1))
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEAD + text)
    return folder / name


def load(name: object, **fields: object) -> Classifier:
    return load_classifier(str(name), classes=CLASSES, size=16, **fields)  # type: ignore[arg-type]


WAYS = {
    "classes": NET.format(parameters="classes", count="classes"),
    "num_classes": NET.format(parameters="num_classes=1000", count="num_classes"),
    "n_classes by keyword": NET.format(parameters="*, n_classes", count="n_classes"),
    "no number": NET.format(parameters="", count="3"),
    "a default": NET.format(parameters="width=5", count="3"),
    "a function": NET.format(parameters="k", count="k") + "def make(): return Inner(3)\nNet, Inner = make, Net\n",
    "a function of classes": NET.format(parameters="k", count="k")
    + "def make(num_classes, **rest): return Inner(num_classes)\nNet, Inner = make, Net\n",
    "a ready network": NET.format(parameters="k", count="k") + "Net = Net(3)\n",
    "a partial": NET.format(parameters="k", count="k") + "import functools\nNet = functools.partial(Net, k=3)\n",
    "a compiled one": NET.format(parameters="k", count="k") + "Net = torch.compile(Net(3))\n",
    "a parallel one": NET.format(parameters="k", count="k") + "Net = nn.DataParallel(Net(3))\n",
    "lazy": "class Net(nn.Sequential):\n  def __init__(s, classes):\n"
    "    super().__init__(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(classes))\n",
    "annotated": "from __future__ import annotations\nimport dataclasses\n"
    "@dataclasses.dataclass\nclass C:\n  k: int = 3\n"
    "class Net(nn.Sequential):\n  def __init__(s):\n    super().__init__(nn.Flatten(), nn.Linear(768, C().k))\n",
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_make_a_network_goes_through_every_use(way: str, tmp_path: Path) -> None:
    text = WAYS[way]
    if "annotated" in way:
        (tmp_path / "mine.py").write_text(text.replace("import dataclasses\n", f"import dataclasses\n{HEAD}"))
    else:
        write(tmp_path, text)
    classifier = load(f"{tmp_path / 'mine.py'}:Net", seed=3)
    labels = torch.tensor([0, 1, 2, 0])
    plain = classifier.network((IMAGES - classifier.mean) / classifier.std).detach()
    torch.testing.assert_close(classifier(IMAGES).detach(), plain)
    assert ig.explain(classifier, IMAGES, labels, "saliency").shape == IMAGES.shape
    assert ig.attack(classifier, IMAGES, labels, "pgd-2").adversarial.shape == IMAGES.shape
    assert not any("_orig_mod" in name or "module." in name for name in classifier.network.state_dict())
    save_classifier(classifier, tmp_path / "saved")
    again = load(f"{tmp_path / 'mine.py'}:Net", weights=tmp_path / "saved" / "model.safetensors", seed=4)
    torch.testing.assert_close(again(IMAGES), classifier(IMAGES))


def test_seeds_make_lazy_weights_and_the_caller_s_draws_stay(tmp_path: Path) -> None:
    file = write(tmp_path, WAYS["lazy"])
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = (load(f"{file}:Net", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one(IMAGES), same(IMAGES))
    assert not torch.equal(one(IMAGES), other(IMAGES))


def test_modules_beside_the_file_are_found_and_those_of_two_folders_kept_apart(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    for name, bias in (("one", 1.0), ("two", 2.0)):
        write(tmp_path / name, f"BIAS = {bias}\n", "layers.py")
        write(tmp_path / name / "parts", "from layers import BIAS\nTWICE = 2 * BIAS\n", "__init__.py")
        write(
            tmp_path / name,
            "import parts\nfrom layers import BIAS\n"
            "def net(classes):\n"
            "    from parts import TWICE\n"
            "    last = nn.Linear(768, classes)\n"
            "    nn.init.constant_(last.bias, 10 * BIAS + TWICE)\n"
            "    nn.init.zeros_(last.weight)\n"
            "    return nn.Sequential(nn.Flatten(), last)\n",
        )
    for name, value in (("one", 12.0), ("two", 24.0), ("one", 12.0)):
        assert (load(f"{tmp_path / name / 'mine.py'}:net")(IMAGES) == value).all()
    assert sys.path == path
    assert {"layers", "parts", "mine"}.isdisjoint(sys.modules.keys() - modules)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_classifier_is_kept_as_it_is(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "import ironglass as ig\n"
        "def net():\n"
        "    return ig.Classifier(nn.Sequential(nn.Flatten(), nn.Linear(768, 2)), mean=(.1, .2, .3), std=(.4, .5, .6),"
        " classes=('a', 'b'), input_size=16)\n"
        "ready = net()\n",
    )
    for name in ("net", "ready"):
        classifier = load(f"{file}:{name}")
        assert classifier.classes == ("a", "b")
        assert classifier.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
        assert classifier.source == f"{file}:{name}"


REFUSED = {
    "file alone": ("class Net(nn.Module): pass\ndef make(): pass\n", "", r"mine\.py:Net, mine\.py:make"),
    "nothing in it": ("x = 3\n", "", "makes no network"),
    "another name": ("class Net(nn.Module): pass\n", ":net", r"did you mean Net\?.*it has Net"),
    "no network": ("net = 3\ndef make(): pass\n", ":net", "net is an int"),
    "an exit": ("import sys\nsys.exit(0)\n", ":net", r"sys\.exit\(0\)"),
    "an exit later": ("import sys\ndef net(): sys.exit(0)\n", ":net", r"failed: it calls sys\.exit\(0\)"),
    "an error": ("1 / 0\n", ":net", "cannot be imported: ZeroDivisionError"),
    "an error later": ("def net(): raise OSError('two\\nlines')\n", ":net", "failed: OSError: two lines"),
    "no Python": ("def net(:\n", ":net", r"SyntaxError.*line 3"),
    "nothing imported": ("import absent_module\n", ":net", "absent_module"),
    "a number": ("def net(): return 3\n", ":net", "gave an int"),
    "needs more": ("def net(classes, depth): pass\n", ":net", r"needs depth.*options\.depth"),
    "a class of no network": ("class Net: pass\n", ":Net", "gave a Net"),
    "raises in forward": (
        "class Net(nn.Module):\n  def forward(s, x): raise KeyError('a')\n", ":Net", "forward fails .*KeyError"
    ),
    "exits in forward": (
        "class Net(nn.Module):\n  def forward(s, x): raise SystemExit(0)\n", ":Net", "forward fails .*SystemExit"
    ),
    "too many outputs": ("def net(): return nn.Sequential(nn.Flatten(), nn.Linear(768, 9))\n", ":net", "9 outputs.* 3"),
    "another size": ("def net(): return nn.Sequential(nn.Flatten(), nn.Linear(99, 3))\n", ":net", "forward fails"),
    "not a number": (
        "class Net(nn.Module):\n  def forward(s, x): return x.flatten(1)[:, :3] * float('nan')\n", ":Net", "gives NaN"
    ),
    "overflows": (
        "def net():\n  l = nn.Linear(768, 3)\n  nn.init.constant_(l.weight, 3e38)\n"
        "  return nn.Sequential(nn.Flatten(), l)\n", ":net", "gives infinite logits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_gives_no_classifier_is_refused_in_one_line(which: str, tmp_path: Path) -> None:
    text, name, says = REFUSED[which]
    file = write(tmp_path, text)
    path, modules = list(sys.path), dict(sys.modules)
    with pytest.raises(InputError, match=says) as refusal:
        load(f"{file}{name}")
    assert "\n" not in str(refusal.value)
    assert sys.path == path
    assert sys.modules.keys() - modules.keys() <= {name for name in sys.modules if "mine" not in name}


def test_an_option_that_it_does_not_take(tmp_path: Path) -> None:
    file = write(tmp_path, WAYS["a default"])
    with pytest.raises(InputError, match=r"no parameter 'depth': it has width"):
        load(f"{file}:Net", depth=3)
