"""Pictures of labels, depth and confusion: colours, borders, legends, and the words in them."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from sightline.draw import palette
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.models.scene import STANFORD
from sightline.scene.drawing import (
    NO_DEPTH,
    TINT,
    blend,
    borders,
    draw_confusion,
    draw_depth,
    draw_frame,
    draw_legend,
    draw_sheet,
    save_figure,
)
from sightline.scene.frame import ONLY_SYNTHETIC, UNLABELED, Frame
from sightline.scene.measures import Confusion
from tests.support.scene_frames import random_frame

WHITE = (255, 255, 255)


def test_labels_tint_a_gray_picture() -> None:
    picture = np.array([[[30, 60, 90], [5, 6, 7]]], np.uint8)
    found = blend(picture, np.array([[3, UNLABELED]], np.uint8))
    wanted = np.round((1 - TINT) * 60 + TINT * np.array(palette()[3]))
    np.testing.assert_array_equal(found[0, 0], wanted)
    np.testing.assert_array_equal(found[0, 1], picture[0, 1])


def test_true_borders_are_white_and_nothing_else_is() -> None:
    frame = random_frame(0)
    labels = np.zeros_like(frame.labels)
    plain, lined = blend(frame.picture, labels), blend(frame.picture, labels, frame.labels)
    edge = borders(frame.labels)
    assert (lined[edge] == WHITE).all()
    np.testing.assert_array_equal(lined[~edge], plain[~edge])


def test_borders_are_those_of_a_plain_loop() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (6, 7))
    height, width = labels.shape
    for y, x in np.ndindex(height, width):
        right = x + 1 < width and labels[y, x] != labels[y, x + 1]
        below = y + 1 < height and labels[y, x] != labels[y + 1, x]
        assert borders(labels)[y, x] == (right or below)
    assert not borders(np.zeros((4, 4))).any()


def test_depth_is_bright_where_near_and_purple_where_unknown() -> None:
    drawn = draw_depth(np.array([[1.0, 10.0, 100.0, 0.0]]))
    near, middle, far = drawn[0, :3, 0].tolist()
    assert near > middle > far > 0
    assert (drawn[0, :3] == drawn[0, :3, :1]).all()
    assert tuple(drawn[0, 3]) == NO_DEPTH


def colors_in(image: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(color) for color in np.asarray(image).reshape(-1, 3).tolist()}


@pytest.mark.parametrize("width", [30, 160, 320, 1000])
def test_a_legend_shows_every_class_of_the_set_and_no_other(width: int) -> None:
    strip = draw_legend(STANFORD, width)
    assert strip.width == width
    shown = colors_in(strip)
    assert set(palette()[: len(STANFORD)]) <= shown
    assert not set(palette()[len(STANFORD) :]) & shown


def test_a_legend_takes_more_lines_where_it_is_narrow() -> None:
    wide, narrow = (draw_legend(STANFORD, width).height for width in (1000, 200))
    assert narrow > wide


def test_a_sheet_holds_its_panels_and_the_legend_below() -> None:
    one, two = (random_frame(seed).picture for seed in (0, 1))
    single = np.asarray(draw_sheet({"": one}, STANFORD))
    np.testing.assert_array_equal(single[: one.shape[0], : one.shape[1]], one)
    sheet = draw_sheet({"one": one, "two": two}, STANFORD)
    assert holds(np.asarray(sheet), one)
    assert holds(np.asarray(sheet), two)
    assert sheet.height > single.shape[0]


def holds(sheet: Array, panel: Array) -> bool:
    height, width = panel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (height, width, 3))[..., 0, :, :, :]
    return bool((windows == panel).all((2, 3, 4)).any())


def test_a_frame_is_drawn_with_its_truth_labels_and_depth() -> None:
    frame = random_frame(0)
    labels = {"by pixel": np.zeros_like(frame.labels)}
    sheet = np.asarray(draw_frame(frame, labels, STANFORD))
    assert holds(sheet, blend(frame.picture, frame.labels))
    assert holds(sheet, blend(frame.picture, labels["by pixel"], frame.labels))
    assert frame.depth is not None
    assert holds(sheet, draw_depth(frame.depth))
    without = Frame(frame.picture, frame.labels)
    assert not holds(np.asarray(draw_frame(without, labels, STANFORD)), draw_depth(frame.depth))


def confusion() -> Confusion:
    counted = Confusion(3)
    counted.counts[:] = [[6, 2, 0], [1, 1, 0], [0, 0, 0]]
    return counted


def words_in(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


def test_a_confusion_matrix_has_its_rows_in_percent_and_its_accuracies() -> None:
    figure = draw_confusion(confusion(), ("sky", "tree", "road"), "a net", synthetic=False)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["75", "25", "0", "50", "50", "0"]
    words = words_in(figure)
    assert "a net\npixels 70.0%, classes 62.5%" in words
    assert {"sky", "tree", "road"} <= set(words)
    assert ONLY_SYNTHETIC not in words


def test_a_confusion_matrix_of_synthetic_frames_says_so() -> None:
    figure = draw_confusion(confusion(), ("sky", "tree", "road"), "long " * 40, synthetic=True)
    assert ONLY_SYNTHETIC in words_in(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert Image.open(file).width > 300
    title = figure.get_suptitle()
    assert max(map(len, title.splitlines())) < 60


def test_names_are_no_formulas_and_may_be_in_any_script(tmp_path: Path) -> None:
    """A font without their letters is no reason to warn, nor a $ one to fail."""
    names = ("a$b", "$\\frac{$", "\u6a39\n\udcff")
    assert draw_legend(names, 200).width == 200
    figure = draw_confusion(confusion(), names, "by $HOME/$x\udcff", synthetic=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").width > 300
    assert {"a$b", "\u6a39\\n\\udcff"} <= set(words_in(figure))


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"confusion matrix needs .*'sightline\[scene\]'"):
        draw_confusion(confusion(), ("sky", "tree", "road"), "a net", synthetic=False)
