"""ONNX networks, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.exported_files.batches import FixedBatches, InputSpec
from ironglass.models.loading.exported_files.words import first_line

ONNX_DTYPES = {"tensor(float)": torch.float32, "tensor(double)": torch.float64, "tensor(float16)": torch.float16}


class Onnx(nn.Module):
    """An ONNX network, run by onnxruntime: a black box, of which there is no gradient and no layer."""

    without_gradient = "an ONNX network gives no gradient"

    def __init__(self, session: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.session, self.input = session, session.get_inputs()[0].name
        self.outputs = [output.name for output in session.get_outputs()]
        self.register_buffer("precision", torch.zeros((), dtype=dtype), persistent=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Onnx:
        return self  # it has nothing that could change

    def forward(self, images: Tensor) -> Any:
        """The outputs by their names, or the one that there is."""
        array = images.detach().cpu().contiguous().numpy()
        results = [torch.from_numpy(result).to(images.device) for result in self.session.run(None, {self.input: array})]
        return results[0] if len(results) == 1 else dict(zip(self.outputs, results, strict=True))


def read_onnx(path: Path) -> tuple[nn.Module, InputSpec]:
    """The network, and what it takes. Raises InputError where onnxruntime is absent or cannot read the file."""
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("ONNX networks need onnxruntime: pip install 'ironglass[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds have no common ancestor but this
        raise InputError(f"{path} cannot be read as ONNX: {first_line(error)}") from error
    inputs = session.get_inputs()
    shape = inputs[0].shape if inputs else []
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in ONNX_DTYPES:
        input_list = ", ".join(f"{entry.name}: {entry.type} {entry.shape}" for entry in inputs)
        raise InputError(f"{path} takes {input_list or 'no input'}: it must take one, float images (n, c, h, w)")
    batch, *sides = (side if isinstance(side, int) and side > 0 else None for side in shape)
    if sides[2] in (1, 3) and sides[0] not in (1, 3, None):
        raise InputError(
            f"{path} takes images (n, h, w, c), {tuple(shape)}: export it with channels first, (n, c, h, w)"
        )
    spec = InputSpec(batch, 1, (sides[0], sides[1], sides[2]))
    return FixedBatches(Onnx(session, ONNX_DTYPES[inputs[0].type]), spec), spec
