"""Every class of the results says what each of its keys means."""

import dataclasses
import importlib
import pkgutil
import re

import pytest

from ironglass import results

CLASSES = sorted(
    {
        one
        for module in pkgutil.iter_modules(results.__path__)
        for one in vars(importlib.import_module(f"ironglass.results.{module.name}")).values()
        if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__module__.startswith("ironglass")
    },
    key=lambda one: one.__qualname__,
)


@pytest.mark.parametrize("one", CLASSES)
def test_a_line_a_field(one: type) -> None:
    said = re.findall(r"^    (\w+): \S", one.__doc__ or "", re.MULTILINE)
    assert said == [field.name.removesuffix("_") for field in dataclasses.fields(one)]  # type: ignore[arg-type]


def test_there_are_many() -> None:
    assert len(CLASSES) > 50
