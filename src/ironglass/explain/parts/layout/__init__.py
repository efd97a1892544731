"""Layout of a layer's output: its axes of rows, columns and channels."""

from ironglass.explain.parts.layout.axes import Layout, NoLayout
from ironglass.explain.parts.layout.find import layers_with_layouts, layouts_of

__all__ = ["Layout", "NoLayout", "layers_with_layouts", "layouts_of"]
