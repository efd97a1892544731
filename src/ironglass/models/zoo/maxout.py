"""The permutation-invariant maxout network of the paper on the fast gradient sign method."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn


class Maxout(nn.Module):
    """h_i(x) = max over j of (xᵀ W_ij + b_ij): every unit the largest of `pieces` linear functions.

    Goodfellow et al. 2013, arXiv 1302.4389.

    features: those of x, (n, features); gives (n, units).
    """

    def __init__(self, features: int, units: int, pieces: int) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = nn.Linear(features, units * pieces)

    def forward(self, features: Tensor) -> Tensor:
        """The units' values."""
        return self.linear(features).unflatten(1, (self.units, self.pieces)).amax(2)


def maxout(
    *,
    classes: int,
    channels: int,
    size: tuple[int, int],
    units: int = 240,
    pieces: int = 5,
    dropout: Sequence[float] = (0.2, 0.5),
) -> nn.Sequential:
    """Two hidden layers of maxout units and one linear layer, on pixels in any order.

    dropout: of the pixels, and of both hidden layers. The paper's permutation-invariant network for MNIST, with 240
    units of 5 pieces, but without its bound on the norm of a unit's weights.
    """
    pixels = channels * size[0] * size[1]
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        flatten=nn.Flatten(),
        dropout0=nn.Dropout(dropout[0]),
        maxout1=Maxout(pixels, units, pieces),
        dropout1=nn.Dropout(dropout[1]),
        maxout2=Maxout(units, units, pieces),
        dropout2=nn.Dropout(dropout[1]),
        linear=nn.Linear(units, classes),
    )
    for layer in layers.values():
        if isinstance(layer, Maxout):
            nn.init.uniform_(layer.linear.weight, -0.005, 0.005)
            nn.init.zeros_(layer.linear.bias)
    return nn.Sequential(layers)
