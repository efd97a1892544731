"""`file.py:NAME`: a network of the user's own, from the Python file that the user named."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from torch import nn

from ironglass.choices import did_you_mean, listed
from ironglass.errors import InputError, with_article
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_names import need_classes
from ironglass.models.loading.forms.code import is_python
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.wrap import DEFAULT_SIZE, assumed_size, wrap
from ironglass.models.normalisation import ASSUMED
from ironglass.models.reading.forward_pass import has_lazy_layers

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest

COUNT_PARAMETERS = ("classes", "num_classes", "n_classes")
"""Names of the parameter, if there is one, that is given the number of classes."""


class PythonFile(NameForm):
    """`file.py:NAME`."""

    def matches(self, name: str) -> bool:
        """Returns whether it names a Python file."""
        return is_python(name) and not Path(name).is_dir()

    def build(self, request: ModelRequest) -> Classifier:
        """`file.py:NAME`, a class, a function or a network that the file makes.

        A class or function is called with the options, and with the number of classes where it has a parameter for it,
        see COUNT. It gives a module, which is taken to want images in [0, 1], or a Classifier, which is kept as it is.
        The file's folder is on the import path meanwhile. Raises InputError where the file or the call fails, and,
        listing what could be meant, for a file without a name.
        """
        path, name = split_name(request.name)
        with _importing(path):
            target = _lookup(_run(path), path, name)
            result = target if isinstance(target, nn.Module) else _call(target, request)
            classifier = result if isinstance(result, Classifier) else _wrapped(result, request)
            if has_lazy_layers(classifier.network):
                classifier.settle()
        classifier.source = request.name
        return classifier

    def knows_classes(self, *, weighted: bool) -> bool:
        """Never: code names no classes."""
        return False


def split_name(name: str) -> tuple[Path, str]:
    """The file and the name in it, "" where none is given. Raises InputError where there is no such file."""
    path, _, inner = (name, "", "") if name.endswith(".py") else name.rpartition(":")
    if not path.endswith(".py") or not Path(path).is_file():
        raise InputError(f"{name}: there is no file {path or inner}; give file.py:function")
    return Path(path).resolve(), inner


@contextmanager
def _importing(path: Path) -> Iterator[None]:
    """Inside, modules beside the file can be imported, and go before others of their names that are not installed; the
    import path and the modules known are as before on leaving, so that two folders may each have a `layers.py`."""
    folder = path.parent
    loaded, path_before, bytecode_before = dict(sys.modules), list(sys.path), sys.dont_write_bytecode
    beside = {file.name if file.is_dir() else file.stem for file in _modules_in(folder)}
    for name, module in loaded.items():
        outer = name.partition(".")[0]
        if outer in beside and not _is_installed(outer, module):
            del sys.modules[name]
    try:
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path_before, bytecode_before
        for name, module in list(sys.modules.items()):
            if name not in loaded and _lies_in(module, folder):
                del sys.modules[name]
        sys.modules.update(loaded)


def _modules_in(folder: Path) -> list[Path]:
    """The files and folders that can be imported from a folder."""
    return [*folder.glob("*.py"), *(file.parent for file in folder.glob("*/__init__.py"))]


def _is_installed(outer: str, module: ModuleType) -> bool:
    parts = Path(getattr(module, "__file__", None) or "").parts
    is_protected = outer in ("ironglass", "__main__") or outer in sys.stdlib_module_names
    return is_protected or "site-packages" in parts or "dist-packages" in parts


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and folder in Path(file).resolve().parents


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and TorchScript look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} cannot be imported: {_describe_error(error)}") from error
    return module


def _lookup(module: ModuleType, path: Path, name: str) -> Any:
    """Object of that name in the file. Raises InputError where it is nothing that gives a network."""
    candidates = _candidates(module)
    if not name:
        suggestion = (
            f"give one of {', '.join(f'{path.name}:{candidate}' for candidate in candidates)}"
            if candidates
            else "it makes no network"
        )
        raise InputError(f"{path} does not say which network is meant: {suggestion}")
    target = getattr(module, name, None)
    if target is None:
        available = f"it has {listed(candidates)}" if candidates else "it makes no network"
        raise InputError(
            f"{path} has no function, class or network {name!r}{did_you_mean(name, candidates)}: {available}"
        )
    if not callable(target):  # a module is
        raise InputError(
            f"{path}: {name} is {with_article(type(target).__name__)}, which gives no network: "
            f"name one of {listed(candidates)}"
        )
    return target


def _candidates(module: ModuleType) -> list[str]:
    """Objects of a file that could give a network: its networks, its classes of networks, and its functions."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            isinstance(value, nn.Module)
            or (getattr(value, "__module__", None) == module.__name__ and _can_build_network(value))
        )
    ]


def _can_build_network(value: Any) -> bool:
    return issubclass(value, nn.Module) if isinstance(value, type) else inspect.isfunction(value)


def _call(target: Any, request: ModelRequest) -> nn.Module:
    """Calls the class or function. Raises InputError where it fails or gives no network."""
    try:
        parameters = dict(inspect.signature(target).parameters)
    except (TypeError, ValueError):  # of a builtin, whose signature is not written down
        parameters = {}
    arguments = dict(request.options)
    if count := next((name for name in COUNT_PARAMETERS if name in parameters and name not in arguments), None):
        arguments[count] = len(need_classes(request))
    named_kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in named_kinds and parameter.default is parameter.empty and name not in arguments
    ]
    if missing:
        raise InputError(
            f"{request.name} needs {', '.join(missing)}: give it a default, or --set options.{missing[0]}=VALUE"
        )
    if (extra := sorted(arguments.keys() - parameters.keys())) and not takes_any and parameters:
        raise InputError(f"{request.name} has no parameter {extra[0]!r}: it has {', '.join(parameters)}")
    try:
        network = target(**arguments)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{request.name} failed: {_describe_error(error)}") from error
    if not isinstance(network, nn.Module):
        raise InputError(
            f"{request.name} gave {with_article(type(network).__name__)}: it must give an nn.Module or a Classifier"
        )
    return network


def _wrapped(network: nn.Module, request: ModelRequest) -> Classifier:
    channels = request.channels
    mean, std = [0.0] * channels, [1.0] * channels
    classes, size = need_classes(request), request.size or DEFAULT_SIZE
    classifier = wrap(network, request, mean=mean, std=std, classes=classes, size=size, origin=ASSUMED)
    if request.size is None:
        classifier.remarks += (assumed_size(classifier),)
    return classifier


def _describe_error(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({'' if error.code is None else error.code})"
    line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
    return f"{type(error).__name__}: {error}{line}"
