"""What an op says to a user who gives it the wrong operands."""

from __future__ import annotations

import pytest

from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.types import FLOAT32, Element, Int, TensorType


def typed(*shape: int, element: Element = FLOAT32) -> TensorType:
    return TensorType(shape, element)


def bytes_(*shape: int) -> TensorType:
    return TensorType(shape, Int(8))


def refusal(op: Op, *types: TensorType) -> str:
    """The whole error with which the op refuses these operands."""
    with pytest.raises(UserError) as caught:
        op.infer(*types)
    return str(caught.value)
