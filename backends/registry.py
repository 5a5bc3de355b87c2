"""The targets by name. A target's module is imported when it is asked for, with what it needs."""

from __future__ import annotations

import importlib.metadata

from sightline.backends.target import Target
from sightline.ir.by_name import module_by_name

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
    found: Target = module_by_name("target", _MODULES, name, f"'sightline[{name}]'").TARGET
    return found


def maker(name: str) -> str:
    """The package that a target compiles with, and its version: `apache-tvm 0.27.0.post1`."""
    package = _PACKAGES[name]
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package}, not installed"
