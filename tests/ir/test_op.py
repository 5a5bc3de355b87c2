"""Attributes become what their declarations say, whatever kind of number or list was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.movement import Concat, Gather, Transpose
from sightline.ir.ops.pointwise import Clip, LeakyRelu
from sightline.ir.ops.resize import ResizeBilinear

CLIP: Any = Clip
LEAKY_RELU: Any = LeakyRelu
CONCAT: Any = Concat
TRANSPOSE: Any = Transpose
GATHER: Any = Gather
RESIZE: Any = ResizeBilinear
"""Constructors that the type checker lets anything be given to, as users do."""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (lambda: CLIP(-1, np.float32(2)), Clip(-1.0, 2.0)),
        (lambda: LEAKY_RELU(np.int64(1)), LeakyRelu(1.0)),
        (lambda: CONCAT(np.int64(1)), Concat(1)),
        (lambda: TRANSPOSE([0, 2, 1]), Transpose((0, 2, 1))),
        (lambda: GATHER(1, np.array([2, 0])), Gather(1, (2, 0))),
        (lambda: RESIZE([2, 4], scales=[1, 2]), ResizeBilinear((2, 4), scales=(1.0, 2.0))),
    ],
)
def test_numbers_and_lists_become_what_is_declared(given: Any, meant: Op) -> None:
    made = given()
    assert made == meant
    assert repr(made) == repr(meant), "equal is not enough: 1 == 1.0"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CLIP("low", 1), r"^the attribute 'low' of Clip is a number, found 'low'\.$"),
        (lambda: LEAKY_RELU(True), r"^the attribute 'slope' of LeakyRelu is a number, found True"),
        (lambda: CONCAT(1.5), r"^the attribute 'axis' of Concat is a whole number, found 1\.5"),
        (lambda: TRANSPOSE(3), r"^the attribute 'order' of Transpose is a list of whole numbers"),
        (lambda: GATHER(0, [0.5]), r"^the attribute 'indices' of Gather is a list of whole num"),
        (lambda: RESIZE((2, 2), scales="ab"), r"^the attribute 'scales' .* of numbers,"),
    ],
)
def test_what_is_no_such_number_is_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
