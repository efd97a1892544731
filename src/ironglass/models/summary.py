"""A network's layers with their shapes, parameters and multiply-adds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, _FlopCounterMode, flop_registry, sdpa_flop_count

from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

MAX_DEPTH = 4
"""How deep within the network a layer may lie and still have a line of the table."""
WIDTH = 140
"""Columns of text that the table may take."""


@dataclass
class Layer:
    """One module of the network, for one image."""

    name: str
    module: nn.Module
    shape: str = "–"
    """Of its output at its last run; "–" where it never ran."""
    multiply_adds: float = 0
    """Of all its runs, those of the modules in it included."""


class _Counting(_FlopCounterMode):
    """torch's count of operations, without its account of modules and without its guard against torch's compiler: both
    load that compiler, 1.5 s of the processor."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return inspect.unwrap(_FlopCounterMode.__torch_dispatch__)(self, func, types, args, kwargs)


@dataclass(frozen=True)
class Summary:
    """One forward pass of one image, layer by layer."""

    layers: list[Layer]
    """In the order of the network's modules, the network itself first."""
    multiply_adds: int | None
    """None where torch cannot count them."""
    reason: str
    """Why they were not counted, or which layers' are missing; "" where nothing is."""


def summarise(classifier: Classifier) -> tuple[str, dict[str, Any]]:
    """The table of the network for one image, and the numbers that stand in `results.json` under `model`.

    A multiply-add is half of what torch's `FlopCounterMode` counts: products of matrices, convolutions and attention,
    by whatever module they are made; biases, normalisation and activations are not counted. `multiply_adds` is None for
    a network that the counter cannot run, and the table says why.
    """
    counts = count_layers(classifier)
    parameters = list(classifier.network.parameters())
    numbers = {
        "name": classifier.source or type(classifier.network).__name__,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "trainable": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "multiply_adds": counts.multiply_adds,
        "input_size": list(classifier.input_size),
        "channels": classifier.channels,
        "normalisation": {
            "mean": classifier.mean.flatten().tolist(),
            "std": classifier.std.flatten().tolist(),
            "origin": classifier.normalisation,
        },
        "remarks": list(classifier.remarks),
    }
    return _table(counts, numbers), numbers


def count_layers(classifier: Classifier) -> Summary:
    """Each module's output shape and multiply-adds in a forward pass of one image, in evaluation mode."""
    classifier.settle()  # the passes that look at the outputs are not to be counted
    try:
        layers, total = _run(classifier, counting=True)
    except Exception as error:  # the counter within a stranger's network
        layers, _ = _run(classifier, counting=False)
        return Summary(layers, None, f"torch cannot count them here: {type(error).__name__}: {_first_line(error)}")
    scripted = [layer.name or "the network" for layer in layers if isinstance(layer.module, torch.jit.ScriptModule)]
    if scripted and not total:
        return Summary(layers, None, f"torch cannot count them in TorchScript ({scripted[0]})")
    uncounted = [layer.name for layer in layers if _has_uncounted_work(layer)]
    return Summary(layers, total, f"not counted in: {', '.join(uncounted)}" if uncounted else "")


def _run(classifier: Classifier, *, counting: bool) -> tuple[list[Layer], int]:
    """The modules of the network after one pass, and the multiply-adds of the whole, those outside modules too."""
    counter = FlopCounterMode(display=False, custom_mapping=UNCOUNTED)
    layers = [Layer(name, module) for name, module in classifier.network.named_modules()]
    handles = []
    for layer in layers if not isinstance(classifier.network, torch.jit.ScriptModule) else ():
        handles += _count_calls(layer, lambda: counter.get_total_flops() / 2)
    image = torch.zeros(1, classifier.channels, *classifier.input_size, device=classifier.device)
    try:
        # a gradient is asked for because attention without one may go by a kernel of which nothing can be counted
        with eval_without_grad(classifier), torch.inference_mode(False), torch.enable_grad():
            image.requires_grad_()
            if not counting:
                classifier(image)
                return layers, 0
            with _Counting(counter):
                classifier(image)
    finally:
        for handle in handles:
            handle.remove()
    return layers, round(counter.get_total_flops() / 2)


def _count_calls(layer: Layer, count: Callable[[], float]) -> list[Any]:
    starts: list[float] = []

    def enter(_module: nn.Module, _inputs: Any) -> None:
        starts.append(count())

    def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
        layer.multiply_adds += count() - starts.pop()
        layer.shape = _shape(output)

    return [layer.module.register_forward_pre_hook(enter), layer.module.register_forward_hook(leave)]


def _shape(output: Any) -> str:
    """ "1 × 64 × 8 × 8", of several tensors that of the first and a note."""
    if isinstance(output, Tensor):
        return " × ".join(str(side) for side in output.shape) or "a number"
    parts = list(output.values()) if isinstance(output, dict) else output if isinstance(output, list | tuple) else []
    first = next((part for part in parts if isinstance(part, Tensor)), None)
    return "–" if first is None else f"{_shape(first)}, …"


def _recurrent(_image: Any, weight: Any, hidden: Any, *_args: Any, out_shape: Any = None, **_kwargs: Any) -> int:
    """Of one direction of a recurrent layer on the CPU: both matrices at every step of every sequence."""
    steps, sequences = out_shape[0][:2]
    return 2 * steps * sequences * (weight[0] * weight[1] + hidden[0] * hidden[1])


def _attention(query: Any, key: Any, value: Any, *_args: Any, **_kwargs: Any) -> int:
    return sdpa_flop_count(query, key, value)


_FUSED = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
UNCOUNTED = {torch.ops.aten.mkldnn_rnn_layer: _recurrent} | ({} if _FUSED in flop_registry else {_FUSED: _attention})
"""What torch's counter has no formula of; fused attention on the CPU is counted by later versions than 2.11."""


def _has_uncounted_work(layer: Layer) -> bool:
    """Returns whether it ran, and multiplies by what it holds, and nothing was counted."""
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.MultiheadAttention, nn.Bilinear)
    return isinstance(layer.module, kinds) and layer.shape != "–" and not layer.multiply_adds


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:160]


def _table(counts: Summary, numbers: dict[str, Any]) -> str:
    """Plain text: a line a module, then the sums."""
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("layer", no_wrap=True)
    for title in ("output", "kernel"):
        table.add_column(title, no_wrap=True)
    for title in ("parameters", "multiply-adds"):
        table.add_column(title, justify="right", no_wrap=True)
    for layer in counts.layers:
        parts = layer.name.split(".") if layer.name else []
        if len(parts) > MAX_DEPTH:
            continue
        size = sum(parameter.numel() for parameter in layer.module.parameters())
        work = f"{round(layer.multiply_adds):,}" if layer.multiply_adds else "–"
        name = f"{'  ' * len(parts)}{type(layer.module).__name__}{f' ({parts[-1]})' if parts else ''}"
        table.add_row(name, layer.shape, _kernel(layer.module), f"{size:,}" if size else "–", work)
    console = Console(width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    with console.capture() as capture:
        console.print(table, markup=False, highlight=False)
    total = "not counted" if counts.multiply_adds is None else f"{counts.multiply_adds:,}"
    sums = [
        f"parameters: {numbers['parameters']:,}, of which trainable: {numbers['trainable']:,}",
        f"multiply-adds for one image of {' × '.join(str(side) for side in numbers['input_size'])}: {total}"
        + (f" ({counts.reason})" if counts.reason else ""),
    ]
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([*lines, "", *sums])


def _kernel(module: nn.Module) -> str:
    size = getattr(module, "kernel_size", None)
    if size is None:
        return "–"
    return " × ".join(str(side) for side in size) if isinstance(size, tuple) else str(size)
