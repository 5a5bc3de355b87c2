"""How published sets lie in folders: which files belong together, and which are for testing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sightline.ir.errors import UserError

Split = Literal["all", "train", "test"]


@dataclass(frozen=True)
class Files:
    """The files `NAME + suffix` in a folder, one for each frame."""

    folder: Path
    suffix: str

    def of(self, name: str) -> Path:
        return self.folder / f"{name}{self.suffix}"

    def names(self) -> set[str]:
        """The frames that have such a file. Hidden files, as some systems leave, are none."""
        files = (path.name for path in self.folder.iterdir() if not path.name.startswith("."))
        return {name.removesuffix(self.suffix) for name in files if name.endswith(self.suffix)}


def require_folder(folder: Path, layout: str) -> None:
    """Refuse a folder that is not there; `layout` says how the set should lie."""
    if not folder.exists():
        raise UserError(f"there is no folder '{folder}'", fix=layout)
    if not folder.is_dir():
        raise UserError(f"'{folder}' is a file and not the folder of a data set", fix=layout)


def require_file(path: Path, layout: str) -> None:
    if not path.is_file():
        raise UserError(f"there is no file '{path}'", fix=layout)


def paired_names(pictures: Files, labels: Files, layout: str) -> tuple[str, ...]:
    """The frames of a set by name, if each has a picture and labels."""
    require_folder(pictures.folder, layout)
    require_folder(labels.folder, layout)
    seen, labeled = pictures.names(), labels.names()
    if not seen and not labeled:
        raise UserError(
            f"the folder '{pictures.folder}' holds no pictures *{pictures.suffix}", fix=layout
        )
    _require_counterparts(seen - labeled, pictures, labels, layout)
    _require_counterparts(labeled - seen, labels, pictures, layout)
    return tuple(sorted(seen))


def _require_counterparts(alone: set[str], there: Files, missing: Files, layout: str) -> None:
    if alone:
        name = min(alone)
        more = f", as for {len(alone) - 1} others" if len(alone) > 1 else ""
        raise UserError(
            f"'{there.of(name)}' has no counterpart '{missing.of(name)}'{more}", fix=layout
        )


def split_names(names: Sequence[str], test: Collection[str], split: Split) -> tuple[str, ...]:
    """All frames, those that `test` names, or the rest for training, in their order."""
    tested = set(test)
    chosen = tuple(
        name for name in names if split == "all" or (name in tested) == (split == "test")
    )
    if not chosen:
        raise UserError(
            f"split={split} of the {len(names)} frames of this set is empty",
            fix="Take split=all, or a set with more frames.",
        )
    return chosen
