"""Errors on missing class names, and on weights for another number of classes."""

from ironglass.errors import InputError


class NeedsClasses(InputError):
    """A network that cannot be built before its classes are named."""


class HeadMismatch(InputError):
    """Weights whose last layer has another number of outputs than the network's; all else fits.

    outputs: of the weights' last layer.
    """

    def __init__(self, message: str, outputs: int) -> None:
        super().__init__(message)
        self.outputs = outputs


class UnnamedOutputs(InputError):
    """Weights for other classes than the source's own, whose names nobody has given.

    outputs: of the weights' last layer.
    """

    def __init__(self, message: str, outputs: int) -> None:
        super().__init__(message)
        self.outputs = outputs
