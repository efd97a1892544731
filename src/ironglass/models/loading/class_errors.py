"""Errors on classes that nobody has named, or of which weights have another number."""

from ironglass.errors import InputError


class NeedsClasses(InputError):
    """A network that is built for a number of classes, and nobody has named them yet."""


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
