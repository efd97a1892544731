"""NASNet-A Mobile, which timm leaves out, from the cells of timm's NASNet-A Large."""

from __future__ import annotations

from torch import Tensor, nn

STEM = 32
REPEATED = 4


class NASNetMobile(nn.Module):
    """NASNet-A (4 @ 1056): three groups of four cells, a reduction between groups, and one linear layer.

    (n, c, h, w) to (n, classes); images from 28 pixels a side, made for 224. A cell takes the outputs of the two before
    it. At 1000 classes 5,289,978 parameters, published as 5.3 million (Zoph et al. 2018, arXiv 1707.07012, table 2).
    Left out are the auxiliary head and the scheduled drop of paths, which act in training only.

    features: of the last maps, 24 times the filters of the first group; at least 96.
    """

    def __init__(self, *, classes: int, channels: int = 3, features: int = 1056, dropout: float = 0.0) -> None:
        # late: timm takes seconds to import, and this module is imported with all networks
        from timm.models.nasnet import CellStem0, CellStem1, FirstCell, NormalCell, ReductionCell0, ReductionCell1

        super().__init__()
        filters = features // 24
        self.conv0 = nn.Sequential()
        self.conv0.add_module("conv", nn.Conv2d(channels, STEM, 3, stride=2, bias=False))
        self.conv0.add_module("bn", nn.BatchNorm2d(STEM, eps=0.001))
        self.cell_stem_0 = CellStem0(STEM, num_channels=filters // 4, pad_type="same")
        self.cell_stem_1 = CellStem1(STEM, num_channels=filters // 2, pad_type="same")
        self.cells = nn.ModuleDict()
        previous_channels, last_channels = filters, 2 * filters  # channels of the two outputs that the next cell takes
        for group in range(3):
            width = filters * 2**group
            if group:
                reduction = ReductionCell0 if group == 1 else ReductionCell1
                self.cells[f"reduction_{group - 1}"] = reduction(
                    previous_channels, width, last_channels, width, pad_type="same"
                )
                last_channels = 4 * width
            for number in range(REPEATED):
                previous_width = width // 2 if number == 0 else width
                cell = FirstCell if number == 0 else NormalCell
                self.cells[f"cell_{REPEATED * group + number}"] = cell(
                    previous_channels, previous_width, last_channels, width, pad_type="same"
                )
                previous_channels, last_channels = last_channels, 6 * width
        self.act = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(last_channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        stem = self.conv0(images)
        previous = self.cell_stem_0(stem)
        last = self.cell_stem_1(stem, previous)
        for name, cell in self.cells.items():
            # the cell after a reduction looks back past it, at the output before the one that was reduced
            previous, last = (previous if name.startswith("reduction") else last), cell(last, previous)
        return self.last_linear(self.dropout(self.flatten(self.pool(self.act(last)))))
