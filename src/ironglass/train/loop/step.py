"""The gradient of one batch, accumulated over parts that fit into memory."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ironglass.errors import InputError, with_article
from ironglass.models.memory import is_out_of_memory, requested_memory
from ironglass.models.reading.forward_pass import collect_auxiliary_outputs
from ironglass.train.objective import CrossEntropy, Objective
from ironglass.types import Images, Labels

if TYPE_CHECKING:
    from accelerate import Accelerator

_copy = torch._foreach_copy_  # type: ignore[attr-defined]  # one kernel launch for all buffers


class Buffers:
    """A network's buffers, batch-norm statistics above all, as they were before a step that may have to be undone."""

    def __init__(self, network: nn.Module) -> None:
        self.kinds: dict[torch.dtype, list[Tensor]] = defaultdict(list)
        for buffer in network.buffers():
            self.kinds[buffer.dtype].append(buffer)
        self.before = {kind: [buffer.clone() for buffer in buffers] for kind, buffers in self.kinds.items()}

    @torch.no_grad()
    def note(self) -> None:
        """Saves the current values."""
        for kind, buffers in self.kinds.items():
            _copy(self.before[kind], buffers)

    @torch.no_grad()
    def restore(self) -> None:
        """Restores the values saved last."""
        for kind, buffers in self.kinds.items():
            _copy(buffers, self.before[kind])


def accumulate(
    model: nn.Module,
    objective: Objective,
    images: Images,
    labels: Labels,
    parts: int,
    accelerator: Accelerator,
    aux_weight: float = 0.0,
) -> list[float]:
    """Adds the gradient of the batch's mean loss to `.grad`, a part of the batch at a time.

    aux_weight: of the cross-entropy of auxiliary outputs, see `Stage`.

    Returns the loss summed over the images, the number of correct ones, their number, and the share of processes with
    a finite loss, from 0 to 1. Batch-norm, and objectives that compare images, see one part only.
    """
    sums = torch.zeros(3, dtype=torch.float64, device=images.device)
    read_sums: Callable[[], list[float]] = sums.tolist
    for part, part_labels in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
        with collect_auxiliary_outputs() as passes:
            loss, logits = loss_and_logits(objective, model, part, part_labels)
        if not loss.requires_grad:
            raise InputError("the loss has no gradient to any weight that learns: the objective or network detaches it")
        # of several processes each must give every weight a gradient, if only 0
        if aux_weight or (passes and accelerator.num_processes > 1 and isinstance(objective, CrossEntropy)):
            loss = loss + aux_weight * _auxiliary(objective, passes, part_labels)
        with torch.no_grad():
            right = (logits.argmax(1) == part_labels).sum()
            sums = sums + torch.stack(
                [loss.double() * len(part_labels), right.double(), torch.tensor(len(part_labels)).to(right)]
            )
            finite = accelerator.reduce(sums[0].isfinite().double(), "mean")
            read_sums = read_later(torch.stack([*sums, finite]))  # type: ignore[list-item]
        accelerator.backward(loss if parts == 1 else loss * (len(part_labels) / len(labels)))
    return read_sums()


def _auxiliary(objective: Objective, passes: list[tuple[Tensor, ...]], labels: Labels) -> Tensor | float:
    """The sum of the auxiliary outputs' cross-entropies, each the batch's mean, smoothed as that of the logits."""
    smoothing = getattr(objective, "label_smoothing", 0.0)
    others = [other for outputs in passes for other in outputs]
    return sum((functional.cross_entropy(other, labels, label_smoothing=smoothing) for other in others), 0.0)


def loss_and_logits(objective: Objective, model: nn.Module, images: Images, labels: Labels) -> tuple[Tensor, Tensor]:
    """The loss and the logits. Raises InputError for a user's function that fails, or returns anything else.

    Of a function that gives the loss alone, the logits are those of its last pass over as many images.
    A failure of our own objectives, or for lack of memory, is raised unchanged.
    """
    foreign = is_foreign(objective)
    name = getattr(objective, "__qualname__", type(objective).__name__)
    passes: list[Tensor] = []

    def note_pass(_: nn.Module, __: Any, outputs: Any) -> None:
        if isinstance(outputs, Tensor) and len(outputs) == len(labels):
            passes[:] = [outputs.detach()]

    hook = model.register_forward_hook(note_pass) if foreign else None
    try:
        result: Any = objective(model, images, labels)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        if not foreign or is_out_of_memory(error):
            raise
        raise InputError(f"the objective {name} failed: {type(error).__name__}: {error}") from error
    finally:
        if hook is not None:
            hook.remove()
    if foreign:
        if isinstance(result, Tensor) and result.numel() == 1 and passes:
            result = (result, passes[0])
        pair = result if isinstance(result, tuple | list) and len(result) == 2 else (None, None)
        loss, logits = (part if isinstance(part, Tensor) else torch.empty(0) for part in pair)
        if loss.numel() != 1 or logits.ndim != 2 or len(logits) != len(labels) or not loss.requires_grad:
            raise InputError(
                f"the objective {name} must give the loss or (loss, logits), the loss one number with a gradient and "
                f"the logits ({len(labels)}, classes), not {_form(result)}"
            )
        return loss.reshape(()), logits
    return result


def is_foreign(objective: Objective) -> bool:
    """True for a user's own objective, and for one of ours around it."""
    inner = getattr(objective, "objective", None)
    return not type(objective).__module__.startswith("ironglass.") or (inner is not None and is_foreign(inner))


def _form(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_form, value))})"
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else with_article(type(value).__name__)


def read_later(numbers: Tensor) -> Callable[[], list[float]]:
    """A function that waits for the numbers, but not for work queued on the accelerator after them.

    Work queued between this call and that one, such as a backward pass, keeps the accelerator busy during the wait.
    """
    if numbers.device.type != "cuda":
        return numbers.tolist
    copy = numbers.to("cpu", non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record(torch.cuda.current_stream(numbers.device))

    def read() -> list[float]:
        arrived.synchronize()
        return copy.tolist()

    return read


def accumulate_in_memory(
    model: nn.Module,
    objective: Objective,
    images: Images,
    labels: Labels,
    *,
    micro_batch: int | None,
    seed: int,
    buffers: Buffers,
    accelerator: Accelerator,
    aux_weight: float = 0.0,
) -> tuple[list[float], int | None]:
    """`accumulate` in parts of at most `micro_batch` images, halved as often as memory runs out.

    Returns the sums, and the micro-batch that fitted. No part has fewer than two images, which batch-norm needs. A
    failed attempt has no effect: draws start again from the seed, and buffers are restored. Raises InputError where two
    images do not fit, or where memory runs out in one of several processes, which wait for each other.
    """
    max_parts = max(1, len(labels) // 2)
    while True:
        parts = min(max_parts, math.ceil(len(labels) / micro_batch)) if micro_batch else 1
        model.zero_grad(set_to_none=True)
        torch.manual_seed(seed)  # for dropout and whatever an objective draws
        try:
            return accumulate(model, objective, images, labels, parts, accelerator, aux_weight), micro_batch
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = requested_memory(error)
        # only here, where the exception no longer holds on to the failed try's tensors
        size = math.ceil(len(labels) / parts)
        if accelerator.num_processes > 1 or parts == max_parts:
            raise InputError(
                f"memory has no room to train on {size} images at once{reason}: lower size, or take another device"
            )
        micro_batch = math.ceil(size / 2)
        buffers.restore()
        if images.device.type == "cuda":
            torch.cuda.empty_cache()
