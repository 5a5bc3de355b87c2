"""Sliding windows: sizes against counting, views against loops, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.ir.types import Shape
from sightline.ir.window import MAX_TAPS, Window
from tests.support.naive.loops import build, cells, is_inside
from tests.support.naive.windows import outputs_of, seen


@st.composite
def windows(draw: st.DrawFn, rank: int) -> Window:
    def numbers(low: int, high: int, count: int = rank) -> Shape:
        return tuple(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)))

    return Window(numbers(1, 4), numbers(1, 3), numbers(0, 3, 2 * rank), numbers(1, 3))


@st.composite
def windows_over(draw: st.DrawFn) -> tuple[Window, Shape]:
    """A window that fits, and the sizes that it slides over."""
    rank = draw(st.integers(1, 3))
    window = draw(windows(rank))
    spatial = tuple(draw(st.lists(st.integers(1, 7), min_size=rank, max_size=rank)))
    assume(all(r <= p for r, p in zip(window.reach, window.padded(spatial), strict=True)))
    return window, spatial


@given(windows_over())
def test_slides_as_often_as_one_counts(case: tuple[Window, Shape]) -> None:
    window, spatial = case
    assert window.slide(spatial) == outputs_of(window, spatial)


@given(windows_over())
def test_view_shows_what_the_taps_see(case: tuple[Window, Shape]) -> None:
    window, spatial = case
    x = np.arange(1, 1 + 2 * np.prod(spatial), dtype=np.float32).reshape(1, 2, *spatial)
    view = window.view(x, fill=-5.0)
    out = window.slide(spatial)
    assert view.shape == (1, 2, *out, *window.kernel)
    for position in cells(out):
        pixels = dict(seen(window, position))
        for channel in range(2):
            wanted = build(
                window.kernel,
                lambda tap, c=channel, p=pixels: (  # type: ignore[misc]
                    x[(0, c, *p[tap])] if is_inside(p[tap], spatial) else -5.0
                ),
            )
            np.testing.assert_array_equal(view[(0, channel, *position)], wanted)


def test_an_unpadded_view_copies_nothing() -> None:
    x = np.zeros((1, 1, 5, 5), np.float32)
    assert np.shares_memory(Window((3, 3)).view(x), x)


def test_defaults_fill_in() -> None:
    window = Window((5, 3))
    assert window == Window((5, 3), (1, 1), (0, 0, 0, 0), (1, 1))
    assert (window.rank, window.taps, window.reach) == (2, 15, (5, 3))
    assert Window((3, 3), dilation=(2, 4)).reach == (5, 9)
    assert Window((3, 3), pads=(0, 1, 2, 3)).pad_pairs == [(0, 2), (1, 3)]


def test_numbers_become_plain_integers() -> None:
    window = Window(np.array([3, 5]), [2, 2])  # type: ignore[arg-type]
    assert window == Window((3, 5), (2, 2))
    assert all(type(number) is int for number in window.kernel + window.strides)


@given(st.integers(1, 3).flatmap(windows))
def test_attributes_read_back(window: Window) -> None:
    attributes = window.to_attributes()
    assert Window.from_attributes(attributes) == window
    assert list(attributes) == [key for key in Window.KEYS if key in attributes]


def test_attributes_are_what_is_not_default() -> None:
    assert Window((3,), strides=(2,)).to_attributes() == {"kernel": (3,), "strides": (2,)}
    assert Window((3,), strides=(1,)).to_attributes() == {"kernel": (3,)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"kernel": (3, 3), "strides": (1,)},
            "strides [1] has 1 numbers, but a window of kernel [3, 3] needs 2.",
        ),
        (
            {"kernel": (3, 3), "pads": (1, 1)},
            "pads [1, 1] has 2 numbers, but a window of kernel [3, 3] needs 4.",
        ),
        ({"kernel": (3, 0)}, "kernel [3, 0] has a number below 1."),
        ({"kernel": (3,), "strides": (0,)}, "strides [0] has a number below 1."),
        ({"kernel": (3,), "dilation": (-1,)}, "dilation [-1] has a number below 1."),
        ({"kernel": (3,), "pads": (0, -1)}, "pads [0, -1] has a number below 0."),
        ({"kernel": (2.5,)}, "kernel (2.5,) is no list of whole numbers."),
        ({"kernel": 3}, "kernel 3 is no list of whole numbers."),
        ({"kernel": "33"}, "kernel '33' is no list of whole numbers."),
        ({"kernel": ()}, f"a kernel [] has 0 cells, and from 1 to {MAX_TAPS} are supported."),
        (
            {"kernel": (10**6, 10**6)},
            f"a kernel [1000000, 1000000] has {10**12} cells, and from 1 to {MAX_TAPS} are "
            "supported.",
        ),
    ],
)
def test_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        Window(**arguments)


def test_refuses_an_input_of_another_rank() -> None:
    with pytest.raises(
        UserError,
        match=r"^the window 3x3 slides over 2 axes, but its input has 1 after batch and channels\. "
        r"Give it an input of rank 4\.$",
    ):
        Window((3, 3)).slide((5,))


@pytest.mark.parametrize(
    ("window", "covers"),
    [
        (Window((7, 1)), "7x1"),
        (Window((3, 1), dilation=(3, 1)), "7x1"),
        (Window((2, 1), dilation=(10**15, 1)), f"{10**15 + 1}x1"),
    ],
)
def test_refuses_an_input_that_is_too_small(window: Window, covers: str) -> None:
    with pytest.raises(
        UserError,
        match=rf"^the window \dx1 covers {covers}, more than its padded input 6x6\. "
        r"Pad the input, or use a smaller kernel or dilation\.$",
    ):
        window.slide((6, 6))


def test_refuses_attributes_without_kernel() -> None:
    with pytest.raises(UserError, match=r"^a window lacks its kernel\.$"):
        Window.from_attributes({"strides": (1,)})
