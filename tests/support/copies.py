"""A copy of the repository, for tests that change it or build from it."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PACKAGES = ("ir", "frontend", "passes", "backends", "hw", "sim", "models", "peers", "scene")
_FOLDERS = (*PACKAGES, "sightline", "tests")
_FILES = ("pyproject.toml", "README.md", "LICENSE")


def copy_repository(to: Path) -> Path:
    """Sources, tests and build files, with the links that make them one package."""
    for folder in _FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, to / folder, symlinks=True, ignore=ignore)
    for file in _FILES:
        shutil.copy(ROOT / file, to)
    return to
