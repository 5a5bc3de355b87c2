"""The targets by name. A target's module is imported when it is asked for, with what it needs."""

from __future__ import annotations

import importlib
import importlib.metadata

from sightline.backends.target import Target
from sightline.ir.errors import UserError

_MODULES = {
    "reference": "sightline.backends.reference",
    "cpu": "sightline.backends.tvm.cpu",
    "cuda": "sightline.backends.tvm.cuda",
    "fpga": "sightline.backends.fpga.target",
}

TARGETS = tuple(_MODULES)

_PACKAGES = {"reference": "numpy", "cpu": "apache-tvm", "cuda": "apache-tvm", "fpga": "amaranth"}


def target(name: str) -> Target:
    """The target of that name, or an error that lists them, or that says what to install."""
    if name not in _MODULES:
        raise UserError(f"there is no target '{name}'", fix=f"Choose from {', '.join(TARGETS)}.")
    try:
        module = importlib.import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sightline"):
            raise
        raise UserError(
            f"the target '{name}' needs the package {error.name}, which is not installed",
            fix=f"Install it with: pip install 'sightline[{name}]'.",
        ) from error
    found: Target = module.TARGET
    return found


def maker(name: str) -> str:
    """The package that a target compiles with, and its version: `apache-tvm 0.27.0.post1`."""
    package = _PACKAGES[name]
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package}, not installed"
