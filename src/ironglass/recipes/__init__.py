"""Published experiments, one a file: a study with its numbers filled in."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.recipes import (
    cats_dogs,
    cifar10_linf,
    digits,
    fashion_attributions,
    fashion_linf,
    mnist_3v7,
    mnist_linf,
    mnist_maxout,
    shootout,
    tiny_imagenet_robust,
    transfer_defence,
)
from ironglass.studies.common.study import Plan
from ironglass.studies.registry import STUDIES, is_plan

MODULES = {
    "digits": digits,
    "cats-dogs": cats_dogs,
    "fashion-attributions": fashion_attributions,
    "fashion-linf": fashion_linf,
    "mnist-3v7": mnist_3v7,
    "mnist-maxout": mnist_maxout,
    "mnist-linf": mnist_linf,
    "cifar10-linf": cifar10_linf,
    "shootout": shootout,
    "tiny-imagenet-robust": tiny_imagenet_robust,
    "transfer-defence": transfer_defence,
}
RECIPES: dict[str, Plan] = {name: module.RECIPE for name, module in MODULES.items()}


def load_recipe(name: str) -> Plan:
    """The recipe of that name, or the `RECIPE` of a user's Python file. Raises InputError, listing the names."""
    if name in RECIPES:
        return RECIPES[name]
    if not name.endswith(".py"):
        raise unknown("recipe", name, RECIPES, note=", or name a Python file")
    path = Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise InputError(f"there is no file {name}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SystemExit as error:
        raise InputError(
            f"{name} ends the program itself (sys.exit): a recipe's file defines RECIPE, no more"
        ) from error
    except Exception as error:
        line = " ".join(str(error).split())
        raise InputError(f"{name} cannot be run: {type(error).__name__}: {line}") from error
    recipe = getattr(module, "RECIPE", None)
    if not is_plan(recipe):
        first, *others = (study.plan.__name__ for study in STUDIES.values())
        raise InputError(
            f"{name} defines no RECIPE: write RECIPE = ironglass.{first}(...) in it, or a "
            f"{', '.join(others[:-1])} or {others[-1]}"
        )
    return recipe


def summary(name: str) -> str:
    """The first line of what the recipe says of itself."""
    return (inspect.getdoc(MODULES[name]) or "").splitlines()[0]
