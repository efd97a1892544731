"""Decoding of every image once, in advance; files that cannot be decoded are quarantined with the reason."""

from __future__ import annotations

import itertools
import os
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

from ironglass.data.decoding.decode import Decoded, Fit, decode_image
from ironglass.data.decoding.depth import Scale
from ironglass.data.source import Encoded

_BATCH = 32

T = TypeVar("T")


def scan(
    images: Iterable[Encoded],
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    scale: Scale | None = None,
) -> Generator[Decoded | str]:
    """Each image decoded, or the reason why it could not be, in the order given.

    A few batches are decoded ahead, in threads; no more of the images is ever in memory. size, channels, fit, scale: as
    of `decode_image`.
    """
    return in_threads(images, lambda encoded: attempt(encoded, size, channels, fit, scale))


def in_threads(images: Iterable[Encoded], function: Callable[[Encoded], T]) -> Generator[T]:
    """`function` of each image, in the order given: a few batches ahead, in threads, Pillow set as `attempt` needs."""

    def applied(batch: list[Encoded]) -> list[T]:
        return [function(encoded) for encoded in batch]

    images, workers = iter(images), os.cpu_count() or 1
    waiting: deque[Future[list[T]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        with _strict():
            while True:
                if batch := list(itertools.islice(images, _BATCH)):
                    waiting.append(pool.submit(applied, batch))
                if len(waiting) > 2 * workers or not batch:
                    if not waiting:
                        return
                    yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def attempt(
    encoded: Encoded, size: tuple[int, int] | None, channels: int | None, fit: Fit, scale: Scale | None
) -> Decoded | str:
    """The image decoded as by `decode_image`, or the reason why it cannot be."""
    try:
        return decode_image(encoded, size, channels, fit, scale)
    except MemoryError:
        raise
    except UnidentifiedImageError:
        return "empty" if _is_empty(encoded) else "not an image"
    except Image.DecompressionBombError:
        return "more than 50 million pixels"
    except OSError as error:
        return error.strerror or str(error)
    except Exception as error:  # Pillow's decoders raise nearly anything for a broken file
        return str(error) or type(error).__name__


def _is_empty(encoded: Encoded) -> bool:
    try:
        return isinstance(encoded, Path) and encoded.stat().st_size == 0
    except OSError:
        return False


@contextmanager
def _strict() -> Iterator[None]:
    """Makes Pillow raise for truncated files instead of filling in grey, and silences its warnings."""
    previous = ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = previous
