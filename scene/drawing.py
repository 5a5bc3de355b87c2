"""Labels, depth and confusion as pictures that a person reads at a glance."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sightline.draw import palette
from sightline.ir.types import Array
from sightline.scene.extras import installed_by
from sightline.scene.frame import ONLY_SYNTHETIC, UNLABELED, Frame, depth_plane
from sightline.scene.measures import Confusion
from sightline.scene.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image, ImageFont

TINT = 0.55
"""How much of a pixel's colour is its label's; the rest is the picture's gray."""

NO_DEPTH = (60, 0, 60)
"""The colour of depth that was not measured."""

_BORDER = (255, 255, 255)
_PAPER, _INK = (250, 250, 250), (30, 30, 30)
_TEXT, _SWATCH, _GAP = 12, 12, 6
_LINE = _TEXT + _GAP
_NARROWEST = 320
_INCHES_PER_CLASS, _LETTERS_PER_INCH = 0.55, 9


def blend(picture: Array, labels: Array, truth: Array | None = None) -> Array:
    """A picture `[H, W, 3]` in gray, tinted by its labels; what is unlabeled keeps its colours.

    White lines, one pixel wide, are the borders of the true regions if those are known: where a
    colour crosses one, the labels are wrong.
    """
    gray = picture.astype(np.float64).mean(2, keepdims=True)
    colors = np.array(palette(), np.float64)[labels]
    tinted = (1 - TINT) * gray + TINT * colors
    tinted = np.where((labels == UNLABELED)[..., None], picture, tinted)
    if truth is not None:
        tinted[borders(truth)] = _BORDER
    result: Array = np.round(tinted).astype(np.uint8)
    return result


def borders(labels: Array) -> Array:
    """Where the pixel to the right, or the one below, has another label."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found


def draw_depth(metres: Array) -> Array:
    """Depth as gray `[H, W, 3]`, near white and far dark; purple where nothing was measured."""
    levels = np.round(255 * depth_plane(metres)).astype(np.uint8)
    gray: Array = np.repeat(levels[..., None], 3, 2)
    gray[metres <= 0] = NO_DEPTH
    return gray


def draw_frame(frame: Frame, labels: Mapping[str, Array], classes: Sequence[str]) -> Image.Image:
    """A frame, its truth, the labels that were found in each way, and the depth if it has one.

    The borders of the true regions are drawn into the labels.
    """
    panels = {"picture": frame.picture, "truth": blend(frame.picture, frame.labels)}
    panels |= {way: blend(frame.picture, found, frame.labels) for way, found in labels.items()}
    if frame.depth is not None:
        panels["depth"] = draw_depth(frame.depth)
    return draw_sheet(panels, classes)


def draw_sheet(panels: Mapping[str, Array], classes: Sequence[str]) -> Image.Image:
    """Pictures `[H, W, 3]` of one size side by side, and under them the colour of each class.

    Each has its name above it, if there are several.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = next(iter(panels.values())).shape[:2]
    top = _LINE if len(panels) > 1 else 0
    strip = draw_legend(classes, max(len(panels) * (width + _GAP) - _GAP, _NARROWEST))
    sheet = Image.new("RGB", (strip.width, top + height + strip.height), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    for place, (name, panel) in enumerate(panels.items()):
        left = place * (width + _GAP)
        if top:
            pen.text((left + _GAP, _GAP // 2), name, _INK, font)
        sheet.paste(Image.fromarray(panel), (left, top))
    sheet.paste(strip, (0, top + height))
    return sheet


def draw_legend(classes: Sequence[str], width: int) -> Image.Image:
    """A strip of that width with each class in its colour, in as many lines as they need."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(_TEXT)
    names = [printable(name) for name in classes]
    places = _places(names, font, width)
    strip = Image.new("RGB", (width, places[-1][1] + _LINE + _GAP), _PAPER)
    pen = ImageDraw.Draw(strip)
    for name, (left, top), color in zip(names, places, palette(), strict=False):
        pen.rectangle((left, top + 2, left + _SWATCH, top + 2 + _SWATCH), color, _INK)
        pen.text((left + _SWATCH + _GAP, top), name, _INK, font)
    return strip


def _places(
    classes: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[tuple[int, int]]:
    """Left and top of each class in a legend, broken into lines like words."""
    left, top = _GAP, _GAP
    places = []
    for name in classes:
        needed = _SWATCH + _GAP + math.ceil(font.getlength(name)) + 2 * _GAP
        if left > _GAP and left + needed > width:
            left, top = _GAP, top + _LINE
        places.append((left, top))
        left += needed
    return places


def draw_confusion(
    confusion: Confusion, classes: Sequence[str], title: str, synthetic: bool
) -> Figure:
    """How the pixels of each true class (row) were labeled (columns), in percent of the row."""
    with installed_by("scene", "the picture of a confusion matrix"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    plain = {"parse_math": False}  # a $ in a name begins no formula
    side = 3 + _INCHES_PER_CLASS * len(classes)
    figure = Figure((side, side), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    wholes = confusion.counts.sum(1, keepdims=True)
    percent = 100 * confusion.counts / np.maximum(wholes, 1)
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(percent.shape):
        if wholes[row, 0]:
            color = "white" if percent[row, column] > 50 else "black"
            text = f"{percent[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    names = [printable(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", **plain)
    axes.set_yticks(range(len(names)), names, **plain)
    axes.set_xlabel("label")
    axes.set_ylabel("truth (each row is 100%)")
    figure.suptitle(
        f"{textwrap.fill(printable(title), int(_LETTERS_PER_INCH * side))}\n"
        f"pixels {100 * confusion.pixel_accuracy:.1f}%, "
        f"classes {100 * confusion.class_accuracy:.1f}%",
        **plain,
    )
    if synthetic:
        figure.supxlabel(ONLY_SYNTHETIC, fontsize=9)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; a letter that its font lacks is an empty box, as in all other pictures."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(path)
