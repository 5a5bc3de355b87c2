"""Modules that are imported when they are asked for by name, with what they need."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

from sightline.ir.errors import UserError


def module_by_name(kind: str, modules: Mapping[str, str], name: str, install: str) -> ModuleType:
    """The module of that name, or an error that lists them, or that says what to install."""
    if name not in modules:
        raise UserError(f"there is no {kind} '{name}'", fix=f"Choose from {', '.join(modules)}.")
    try:
        return importlib.import_module(modules[name])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sightline"):
            raise
        raise UserError(
            f"the {kind} '{name}' needs the package {error.name}, which is not installed",
            fix=f"Install it with: pip install {install}.",
        ) from error
