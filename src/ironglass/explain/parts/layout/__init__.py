"""Layout of a layer's output: its axes of rows, columns and channels."""

from ironglass.explain.parts.layout.axes import Layout, Unlaid
from ironglass.explain.parts.layout.find import laid_layers, layouts_of

__all__ = ["Layout", "Unlaid", "laid_layers", "layouts_of"]
