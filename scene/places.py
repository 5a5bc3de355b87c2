"""Folders that results are added to, file by file, and the order of numbered files."""

from __future__ import annotations

import re
from pathlib import Path

from sightline.files import failures_named, require_possible
from sightline.ir.errors import UserError


def require_place(folder: Path) -> None:
    """Refuse a place where no folder is and none can be, before any work is done for it."""
    require_possible(folder)
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise UserError(f"the output '{folder}' is no folder", fix="Name one, or a new one.")


def make(folder: Path) -> None:
    """Make the folder, and those above it, where they are missing."""
    with failures_named(f"cannot make the folder '{folder}'"):
        folder.mkdir(parents=True, exist_ok=True)


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A key by which `frame10` comes after `frame9`, and numbers come before letters."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name)
    return [(bool(text), int(number or 0), text) for number, text in parts]
