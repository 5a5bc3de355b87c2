"""Rules about operands that many ops share, and the messages for breaking them."""

from __future__ import annotations

from sightline.ir.errors import UserError
from sightline.ir.types import FLOAT32, Int, Shape, TensorType
from sightline.ir.window import Window


def require_float(*types: TensorType) -> None:
    for type_ in types:
        if type_.element != FLOAT32:
            raise UserError(f"expected floating-point operands, found {type_}")


def require_integer(*types: TensorType) -> None:
    for type_ in types:
        if type_.element == FLOAT32:
            raise UserError(f"expected integer operands, found {type_}")


def exact_integer(bits: int) -> Int:
    """The signed integer of a width that an op declares for its result."""
    if not 2 <= bits <= 63:
        raise UserError(f"exact integers have 2 to 63 bits, not {bits}")
    return Int(bits)


def require_rank(type_: TensorType, rank: int, what: str) -> None:
    if type_.rank != rank:
        raise UserError(
            f"expected {what}, which has rank {rank}, found {type_} of rank {type_.rank}"
        )


def require_maps(type_: TensorType) -> None:
    """Maps are `[N, C, H, W]`."""
    require_rank(type_, 4, "maps [N, C, H, W]")


def require_shape(type_: TensorType, shape: Shape, what: str) -> None:
    if type_.shape != shape:
        raise UserError(f"{what} must be of shape {list(shape)}, found {list(type_.shape)}")


def slide(window: Window, x: TensorType) -> Shape:
    """The output sizes of a window over maps, unless their padding is beyond any memory."""
    out = window.slide(x.spatial)
    x.with_shape((*x.shape[:2], *window.padded(x.spatial)))
    return out


def positive_axis(axis: int, rank: int) -> int:
    """The axis counted from the front, or an error naming the range."""
    if not -rank <= axis < rank:
        raise UserError(f"axis {axis} lies outside the {rank} axes of the operand")
    return axis % rank
