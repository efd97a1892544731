"""The first blocks of one network in another: all of them, nothing else, or nothing at all."""

from pathlib import Path

import pytest
import torch

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
from ironglass.models.loading.save import save_classifier
from ironglass.models.structure.blocks import Depth, blocks_of
from ironglass.models.structure.transplant import Transplant, transplant

MOBILE = "timm/mobilenetv2_050"


def network(seed: int, name: str = MOBILE, classes: tuple[str, ...] = ("a", "b"), size: int = 32) -> Classifier:
    made = load_classifier(name, classes=classes, size=size, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for buffer in made.network.buffers():  # fresh statistics are the same in every network
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2, generator=generator)
    return made


COPIED: dict[Depth, tuple[str, ...]] = {
    0: (),
    1: ("conv_stem", "bn1", "blocks.0"),
    2: ("conv_stem", "bn1", "blocks.0", "blocks.1.0"),
    17: ("conv_stem", "bn1", "blocks"),
    "head": ("conv_stem", "bn1", "blocks", "conv_head", "bn2"),
}


@pytest.mark.parametrize("depth", COPIED)
def test_copies_the_first_blocks_and_leaves_the_rest(depth: Depth) -> None:
    source, fresh, made = network(1, classes=("x", "y", "z")), network(2), network(2)
    transplant(made, source, depth)
    theirs, before = source.network.state_dict(), fresh.network.state_dict()
    for name, tensor in made.network.state_dict().items():
        copied = any(name.startswith(f"{part}.") for part in COPIED[depth])
        assert torch.equal(tensor, theirs[name] if copied else before[name]), name
        if copied and tensor.is_floating_point() and "conv" in name:
            assert not torch.equal(tensor, before[name]), name


def test_what_belongs_to_no_layer_comes_with_the_first_block() -> None:
    name = "timm/vit_tiny_patch16_224"
    source, made = (network(seed, name) for seed in (1, 2))
    assert torch.equal(transplant(made, source, 1).network.pos_embed, source.network.pos_embed)
    assert not torch.equal(made.network.blocks[1].attn.qkv.weight, source.network.blocks[1].attn.qkv.weight)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("timm/mobilenetv2_140", r"timm/mobilenetv2_140 cannot give its first blocks: its 'conv_stem.weight' has shape "
         r"\(48, 3, 3, 3\) where the model has \(16, 3, 3, 3\); name one of the same widths"),
        ("timm/resnet18", "timm/resnet18 cannot give its first blocks: it has no 'conv_stem.weight', so it is another"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_whole(other: str, said: str) -> None:
    made, before = network(2), network(2).network.state_dict()
    with pytest.raises(InputError, match=said):
        transplant(made, network(1, other), 3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.network.state_dict().items())


def test_a_folder_gives_its_blocks(tmp_path: Path) -> None:
    source = network(1, classes=("x", "y", "z"))
    save_classifier(source, tmp_path)
    made = Transplant(source=str(tmp_path), blocks=5).into(network(2))
    name = blocks_of(made).names[4]
    for key, tensor in made.network.get_submodule(name).state_dict().items():
        assert torch.equal(tensor, source.network.get_submodule(name).state_dict()[key]), key
