"""Sets of frames by name: synthetic ones, the published ones in their layout, and folders.

    layout        which files of a set belong together, and which are for testing
    reading       pictures and class numbers out of files
    matlab        variables out of MATLAB's files
    stanford      Stanford Background
    siftflow      SIFT Flow
    nyu           NYU Depth v2, and nyu_classes: its 894 classes as a few
    folder        frames as `sightline scene generate` writes them
    fitting       a set at another size, or its first frames

`open_frames` gives any of them by a text, as command lines name them.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.parameters import bind, suggest
from sightline.scene.datasets.fitting import First, Fitted
from sightline.scene.datasets.folder import Folder
from sightline.scene.datasets.layout import Split
from sightline.scene.datasets.nyu import Nyu
from sightline.scene.datasets.siftflow import SiftFlow
from sightline.scene.datasets.stanford import Stanford
from sightline.scene.frame import FrameSet

SETS = ("synthetic", "stanford", "siftflow", "nyu", "folder")
KINDS = (
    "Name a set as synthetic:test or stanford:DIR; parameters follow as stanford:DIR,split=test."
)
USUAL_FRAMES = {"train": 3000, "validation": 100, "test": 200}
"""How many synthetic frames there are where nobody says."""

USUAL_SEQUENCE = 100
"""The same of a sequence, whose camera comes to the end of its world."""

_SPEC = re.compile(r"(?P<place>.*?)(?P<options>(,[A-Za-z_]\w*=[^,]*)*)", re.DOTALL)


def open_frames(
    spec: str,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    report: Report = silent,
) -> FrameSet:
    """The set that a text such as `synthetic:test,seed=1` or `nyu:DIR,split=test` names.

    `frames` are its first so many, `size` the height and width that all frames are brought to.
    """
    kind, _, rest = spec.partition(":")
    if kind not in SETS:
        raise UserError(
            f"there is no data set '{kind}'", fix=f"{suggest(kind, SETS, 'There are')} {KINDS}"
        )
    match = _SPEC.fullmatch(rest)
    assert match, "any text is a place and options"
    opener = getattr(_Opener(frames, size, report), kind)
    first = next(iter(inspect.signature(opener).parameters))
    if not match["place"]:
        raise UserError(f"'{spec}' does not say which {first}", fix=KINDS)
    options = match["options"].split(",")[1:]
    found: FrameSet = opener(**bind(opener, [f"{first}={match['place']}", *options], kind))
    return found


@dataclass(frozen=True)
class _Opener:
    """What is asked of any set. Its methods are the sets, and their parameters what each takes."""

    frames: int | None
    size: tuple[int, int] | None
    report: Report

    def synthetic(
        self, split: Literal["train", "validation", "test"], seed: int = 0, sequence: bool = False
    ) -> FrameSet:
        from sightline.scene.generator.synthetic import Synthetic

        usual = USUAL_SEQUENCE if sequence else USUAL_FRAMES[split]
        frames = usual if self.frames is None else self.frames
        height, width = self.size or (240, 320)
        return Synthetic(split, frames, seed, height, width, sequence)

    def stanford(self, folder: str, split: Split = "all", fold: int = 0) -> FrameSet:
        return self._view(Stanford(Path(folder), split, fold))

    def siftflow(self, folder: str, split: Split = "all") -> FrameSet:
        return self._view(SiftFlow(Path(folder), split))

    def nyu(self, folder: str, split: Split = "all", classes: str = "13") -> FrameSet:
        return self._view(Nyu(Path(folder), split, classes, self.report))

    def folder(self, folder: str) -> FrameSet:
        return self._view(Folder(Path(folder)))

    def _view(self, found: FrameSet) -> FrameSet:
        if self.frames is not None:
            found = First(found, self.frames)
        return Fitted(found, *self.size) if self.size else found
