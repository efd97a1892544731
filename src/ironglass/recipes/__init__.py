"""Published experiments, one a file: a study with its numbers filled in."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

from ironglass.errors import InputError
from ironglass.recipes import cats_dogs, digits, fashion_attributions, fashion_linf
from ironglass.studies.harden import Hardening
from ironglass.studies.plan import Audit

MODULES = {
    "digits": digits,
    "cats-dogs": cats_dogs,
    "fashion-attributions": fashion_attributions,
    "fashion-linf": fashion_linf,
}
RECIPES: dict[str, Audit | Hardening] = {name: module.RECIPE for name, module in MODULES.items()}


def load_recipe(name: str) -> Audit | Hardening:
    """The recipe of that name, or the `RECIPE` of a user's Python file. Raises InputError, listing the names."""
    if name in RECIPES:
        return RECIPES[name]
    if not name.endswith(".py"):
        raise InputError(f"there is no recipe {name!r}: choose from {', '.join(RECIPES)}, or name a Python file")
    path = Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise InputError(f"there is no file {name}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = " ".join(str(error).split())
        raise InputError(f"{name} cannot be run: {type(error).__name__}: {line}") from error
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Audit | Hardening):
        raise InputError(f"{name} defines no RECIPE: write RECIPE = ironglass.Audit(...) or Hardening(...) in it")
    return recipe


def summary(name: str) -> str:
    """The first line of what the recipe says of itself."""
    return (inspect.getdoc(MODULES[name]) or "").splitlines()[0]
