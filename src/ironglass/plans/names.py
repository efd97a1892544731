"""Names that plans and calls take: attacks, explainers, models, corruptions."""

from __future__ import annotations

from ironglass.attacks import ATTACKS
from ironglass.data.corruptions.corrupt import CORRUPTIONS
from ironglass.explain import EXPLAINERS
from ironglass.models.loading.native import known_names


def list_attacks() -> list[str]:
    """Names of attacks, as `ironglass.attack(method=...)` and `Audit(attacks=...)` take them.

    Where an attack counts steps or queries, another number may follow its name: "pgd-50", "apgd-ce-20", "square-500".

    Example:
        >>> import ironglass as ig
        >>> "pgd-20" in ig.list_attacks()
        True
    """
    return list(ATTACKS)


def list_explainers() -> list[str]:
    """Names of explanation methods, as `ironglass.explain(method=...)` and `ExplanationPlan(methods=...)` take them.

    Example:
        >>> import ironglass as ig
        >>> "grad-cam" in ig.list_explainers()
        True
    """
    return list(EXPLAINERS)


def list_corruptions() -> list[str]:
    """Names of common corruptions, as `Audit(corruptions=...)` takes them.

    Example:
        >>> import ironglass as ig
        >>> "gaussian-noise" in ig.list_corruptions()
        True
    """
    return list(CORRUPTIONS)


def list_models(part: str = "") -> list[str]:
    """Names of architectures, as `ironglass.load_classifier` and `Audit(model=...)` take them.

    Args:
        part: only names that hold this text. Our own come first, then timm's and torchvision's.

    Beside these, a model may be a run folder, a file (`net.py:Net`, `net.pt2`, `net.onnx`) or a folder of the hub.

    Example:
        >>> import ironglass as ig
        >>> ig.list_models("simple")
        ['simple-cnn']
    """
    return [name for name in known_names() if part in name]
