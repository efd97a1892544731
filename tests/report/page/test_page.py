"""The page as a file: what it says, leaves out, escapes and weighs."""

import base64
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.errors import InputError
from ironglass.report import write_report
from ironglass.report.attack.section import chance, example_folder
from ironglass.report.training.section import kept_epoch
from ironglass.results.attack import Attacks
from ironglass.results.training import Stage, Training
from ironglass.run import Run

HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Elements, their attributes, and the text that a reader sees."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.files = {file.relative_to(path.parent).as_posix() for file in path.parent.rglob("*")}
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._hidden:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def two(two_classes: Run) -> Page:
    return Page(write_report(two_classes))


@pytest.fixture(scope="module")
def ten(ten_classes: Run) -> Page:
    return Page(write_report(ten_classes))


def test_first_screen_is_the_answer(two: Page, two_classes: Run):
    cards = two.words.partition("In plain words")[0]
    rate = two_classes.results["evaluation"]["accuracy"]
    assert f"{100 * rate['value']:.1f}\u202f%" in two.text
    for wanted in (
        "Accuracy",
        "n = 1,000 images",
        "Worst patch position",
        "blur, 12 × 12 pixels",
        "FGSM, eps 2/255",
    ):
        assert wanted in cards
    assert cards.index("FGSM, eps 2/255") < cards.index("FGSM, eps 16/255")
    assert cards.count("suspect only a single-step attack") == 2, "the verdict stands beside both numbers under attack"


def test_every_section_is_there_in_order(two: Page):
    titles = re.findall(r'<h2 id="\w+-title"><span class="no">(\d)</span> ([^<]+)</h2>', two.source)
    assert titles == [
        ("1", "Data"), ("2", "Model"), ("3", "Training"), ("4", "Evaluation"), ("5", "Layers and Grad-CAM"),
        ("6", "Occlusion"), ("7", "Adversarial attacks"), ("8", "Provenance and limits"),
    ]  # fmt: skip
    linked = {link["href"].removeprefix("#") for link in two.all("a") if link["href"].startswith("#")}
    assert linked <= {attributes["id"] for _, attributes in two.elements if "id" in attributes}


def test_numbers_of_the_sections(two: Page):
    for wanted in (
        "broken/7.jpg", "truncated JPEG", "1,234,567", "45.6 million", "1 min 44 s", "one-cycle", "Conv2d: 1-1",
        "precision", "magnified × 7", "ironglass run made-up --output", "2.15.0", "f00df00d", "Not measured", "PGD",
    ):  # fmt: skip
        assert wanted in two.words, wanted


def test_headings_do_not_skip_a_level(two: Page):
    levels = [int(tag[1]) for tag, _ in two.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_asks_for_nothing(two: Page, ten: Page):
    for page in (two, ten):
        for tag, attributes in page.elements:
            for name in ("src", "href", "srcset", "action", "data", "poster"):
                value = attributes.get(name, "#")
                if tag == "a" and value in page.files:
                    continue  # for whoever clicks on it
                assert value.startswith(("data:", "#")), (tag, name, value[:80])
            assert not any(name.startswith("on") for name in attributes), "no inline event handlers"
        assert not re.search(r"url\((?!#|data:|&#34;)|@import|https?://", page.source)
        assert [attributes for attributes in page.all("script") if "src" in attributes] == []
        assert len(page.all("script")) == 1


def test_ids_are_unique(two: Page):
    ids = [attributes["id"] for _, attributes in two.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_picture_has_an_alternative_text(two: Page):
    assert all(picture.get("alt") for picture in two.all("img"))
    assert all(attributes.get("aria-label") for attributes in two.all("svg"))
    assert len(two.all("svg")) == 2 * 5


def test_no_picture_is_baked_twice(two: Page):
    urls = re.findall(r"data:image/[^\")]+", two.source)
    assert len(urls) == len(set(urls))
    # 8 photographs, 6 layers, 4 patches, and at each eps but 0 an image and a perturbation
    assert len(urls) == 8 * (1 + 6 + 4 + 2 * 5)


def test_user_strings_are_text(ten: Page):
    assert HOSTILE in ten.text
    assert "<script>alert" not in ten.source
    assert "&lt;script&gt;ale" in ten.source[ten.source.index("<svg") :], "the chart's own text, shortened"
    for name in ("$x^2$", "猫", "a & b", 'say "hi"'):
        assert name in ten.text


def test_grey_images_are_shown(ten: Page):
    assert "1, grey" in ten.words
    (photo,) = re.findall(r"\.photo-0 \{ background-image: url\(data:image/png;base64,([^)]+)\)", ten.source)
    assert Image.open(io.BytesIO(base64.b64decode(photo))).size == (28, 28)


def test_every_eps_stands_beside_the_others(two: Page, two_classes: Run):
    eps = two_classes.read("samples.json")["eps"][1:]
    table = two.source[two.source.index('aria-label="Adversarial images by FGSM at every eps"') :]
    table = table[: table.index("</table>")]
    assert re.findall(r'<span class="layer">eps ([\d/]+)</span>', table) == [f"{255 * size:g}/255" for size in eps]
    assert table.count("<tbody>") == 8
    assert [table.count(f'class="{kind}') for kind in ("adversarial", "change")] == [8 * len(eps)] * 2
    assert not [attributes for _, attributes in two.elements if "hidden" in attributes and "id" not in attributes]


def test_each_layer_has_one_scale_for_all_images(two: Page, two_classes: Run):
    from safetensors.numpy import load_file

    tensors = load_file(two_classes.path / "samples.safetensors")
    for layer in two_classes.read("samples.json")["layers"]:
        assert f"<span>{tensors[f'grad_cam/{layer}'].max():.2g}</span>" in two.source
    largest = max(np.abs(value).max() for name, value in tensors.items() if name.startswith("occlusion/"))
    assert f"<span>+{largest:.2f}</span>" in two.source


def test_same_folder_same_bytes(two_classes: Run, tmp_path: Path):
    first = write_report(two_classes).read_bytes()
    pictures = {path.name: path.read_bytes() for path in (two_classes.path / "figures").iterdir()}
    copy = shutil.copytree(two_classes.path, tmp_path / "copy")
    assert write_report(Run(copy)).read_bytes() == first
    assert {path.name: path.read_bytes() for path in (copy / "figures").iterdir()} == pictures


def test_figures_are_written_as_png(two_classes: Run, two: Page):
    names = {path.stem for path in (two_classes.path / "figures").glob("*.png")}
    assert names == {
        "training", "confusion", "layers", "occlusion", "fgsm", "grad_cam", "occlusion_maps", "fgsm_gallery",
    }  # fmt: skip
    for name in names:
        with Image.open(two_classes.path / "figures" / f"{name}.png") as picture:
            assert min(picture.size) > 300


@pytest.mark.parametrize(
    ("step", "title"),
    [
        ("evaluation", "Evaluation"), ("model", "Model"), ("layers", "Layers and Grad-CAM"),
        ("occlusion", "Occlusion"), ("fgsm", "Adversarial attacks"), ("training", "Training"),
    ],
)  # fmt: skip
def test_a_run_with_one_step_shows_that_one(partial_run: Callable[..., Run], step: str, title: str):
    page = Page(write_report(partial_run(step)))
    titles = re.findall(r"</span> ([^<]+)</h2>", page.source)
    assert titles == [title, "Provenance and limits"]


def test_wordnet_ids_are_shown_as_words(two_classes: Run, tmp_path: Path):
    copy = Run(shutil.copytree(two_classes.path, tmp_path / "copy"))
    data = copy.read("data.json")
    copy.write("data.json", data | {"words": dict(zip(data["classes"], ("goldfish", "school bus"), strict=True))})
    page = Page(write_report(copy))
    assert page.words.count("goldfish") > 2
    assert not any(f">{name}</th>" in page.source for name in data["classes"])  # nor in the table of classes


def test_what_training_went_through_is_said(two_classes: Run, tmp_path: Path):
    copy = Run(shutil.copytree(two_classes.path, tmp_path / "copy"))
    assert "taken back" not in Page(write_report(copy)).words
    stages = [stage | {"name": "upper", "trainable_from": "67%"} for stage in copy.results["training"]["stages"]]
    rough = {
        "skipped": 7,
        "rollbacks": [{"epoch": 3, "step": 2, "back_to": 2, "factor": 0.5}],
        "micro_batch": 16,
        "stages": stages,
    }
    copy.record("training", copy.results["training"] | rough)
    words = Page(write_report(copy)).words
    for text in (
        "A step whose loss is not a number is skipped",
        "happened in epoch 3.",
        "in parts of 16 images",
        "learns from",
        "67%",
    ):
        assert text in words, text


def test_what_was_not_run_is_said(partial_run: Callable[..., Run]):
    words = Page(write_report(partial_run("evaluation"))).words
    assert "accuracy under a covering patch (the run has no such step)" in words
    assert "accuracy on held-out images (the run" not in words


def test_an_empty_run_is_still_a_page(partial_run: Callable[..., Run]):
    assert "Provenance and limits" in Page(write_report(partial_run())).words


def test_samples_without_their_tensors_are_left_out(two_classes: Run, tmp_path: Path):
    copy = shutil.copytree(two_classes.path, tmp_path / "copy")
    (copy / "samples.safetensors").unlink()
    page = Page(write_report(Run(copy)))
    assert "What each layer contributes" in page.words
    assert "Grad-CAM of every layer" not in page.words
    assert not page.all("img")


def test_broken_samples_are_one_line(two_classes: Run, tmp_path: Path):
    copy = shutil.copytree(two_classes.path, tmp_path / "copy")
    (copy / "samples.safetensors").write_bytes(b"not this")
    with pytest.raises(InputError, match="run again with --resume"):
        write_report(Run(copy))


@pytest.mark.slow
def test_a_deep_network_with_many_samples_stays_small(
    make_run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ironglass.report.page.page.sheets", lambda samples: {})  # files beside the page
    run = make_run(tmp_path / "deep", classes=["cat", "dog"], layers=50, size=224, samples=12)
    assert write_report(run).stat().st_size < 15e6


def test_attacks_are_drawn_tabled_and_shown(attacked: Run):
    page = Page(attacked.path / "report.html")
    section = page.words.partition("7 Adversarial attacks")[2].partition("Provenance and limits")[0]
    measured = attacked.results["attacks"]
    for row in measured["attacks"]:
        assert row["label"] in section
        for point in row["points"]:
            assert f"{100 * point['accuracy']['value']:.1f} %" in section
            assert f"PNG {100 * point['png_accuracy']['value']:.1f} %" in section
            assert all(reason in section for reason in point["verdict"]["reasons"])
    tail = section[section.index("worst case of each image", section.index("Accuracy under attack, n =")) :]
    for point in measured["worst"]:
        assert f"{100 * point['accuracy']['value']:.1f} %" in tail
    counted = [attributes["class"] for attributes in page.all("details") if "verdict" in attributes.get("class", "")]
    in_cards = 2
    assert len(counted) == in_cards + 3 * 4 + 4
    assert counted.count("verdict invalid") == 1
    assert "magnified × 15" in section
    assert 'ImageFolder("adversarial/ensemble/linf-8_255/png")' in section
    assert "Accuracy under FGSM" not in page.words, "one of the attacks already"
    assert len(page.all("svg")) == 2 * 5
    names = {path.stem for path in (attacked.path / "figures").glob("*.png")}
    assert {"attacks", "attack_gallery", "fgsm_gallery"} <= names
    assert "fgsm" not in names
    urls = re.findall(r"data:image/[^\")]+", page.source)
    assert len(urls) == len(set(urls)), "FGSM at this eps is shown at every eps and not again"
    assert len(urls) == 8 * (1 + 6 + 4 + 2 * 5 + 2 * 2)


def test_the_outcome_of_every_attack_is_marked(attacked: Run):
    source = (attacked.path / "report.html").read_text(encoding="utf-8")
    gallery = source[source.index('aria-label="Adversarial images of every attack') :]
    gallery = gallery[: gallery.index("</table>")]
    index = attacked.read("samples.json")
    right = [
        now[name]["prediction"] == entry["label"]
        for entry, now in zip(index["images"], index["attacks"]["images"], strict=True)
        for name in ("pgd-20", "ensemble")
    ]
    seen = re.findall(r'alt="image [^"]*"><span class="who"><span class="(right|wrong)"', gallery)
    assert [word == "right" for word in seen] == right
    assert True in right
    assert False in right


def test_attacks_alone_are_a_page(partial_run: Callable[..., Run], attacked: Run):
    run = partial_run()
    run.record("attacks", attacked.results["attacks"])
    page = Page(write_report(run))
    assert re.findall(r"</span> ([^<]+)</h2>", page.source) == ["Adversarial attacks", "Provenance and limits"]
    assert "of the attacked images, unchanged" in page.words
    assert "Side by side" not in page.words
    assert "Chance is" not in page.words, "the classes were not counted"


def test_chance_is_the_commonest_class():
    data = {"splits": {"test": {"per_class": [30, 10]}, "train": {"per_class": [0, 0]}}}
    assert [chance(data, split) for split in ("test", "train", "none")] == [0.75, None, None]


def test_the_example_is_the_strongest_attack_at_the_largest_eps(attacks: Attacks):
    assert example_folder(attacks) == "adversarial/ensemble/linf-8_255"
    assert example_folder(None) == ""


def test_kept_epoch_is_the_last_best_one():
    rows = [{"epoch": 1, "best": True}, {"epoch": 2, "best": True}, {"epoch": 3, "best": False}]
    assert kept_epoch(rows, None) == 2
    stage = Stage(epochs=3, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0,
                  batch_size=8, objective="CrossEntropy", trainable_from=None, until=None, aux_weight=0.0,
                  name="")  # fmt: skip
    measured = Training(seconds=1.0, epochs=3, best_epoch=1, stages=(stage,), skipped=0, rollbacks=(), micro_batch=None)
    assert kept_epoch(rows, measured) == 1
    assert kept_epoch([], None) is None


def test_the_report_needs_no_torch():
    code = "import sys, ironglass.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
