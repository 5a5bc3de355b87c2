"""What the functions that write tensor expressions share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.dot_products import Dot
from sightline.backends.tvm.layout import PLANAR, Gather, Layout, Packing, Sums
from sightline.ir.constant import Constant
from sightline.ir.types import Array, Shape, TensorType

Tensor = Any
"""A tensor of TVM's: a placeholder, or a stage of a computation."""

Expr = Any
"""A scalar expression of TVM's."""

WITHIN = "within"
"""Marks a stage of one number at a time, computed in the innermost loop of the stage it serves."""

EACH = {"each": 1}
"""Marks a stage that takes number by number: it is computed wherever it is read, if it is read."""

SHARED = {"shared": 1}
"""Marks a stage that the threads of a GPU's block fill together, for all of them to read."""

BLOCK_TILE = "block_tile"
"""Marks the sums of `gpu.bank`, with the planes that are in shared memory at once."""

MATRIX_TILE = "matrix_tile"
"""Marks the sums of `gpu.matrix_bank`, with the sizes of their tile."""

PIXEL_TILE, MAP_TILE, MIXED_TILE = "pixel_tile", "map_tile", "mixed_tile"
"""Mark the sums of `lanes_of_pixels`, `lanes_of_maps` and `winograd`, with sizes of their tiles."""


@dataclass(frozen=True)
class Machine:
    """What schedules must know of a processor."""

    lanes: int
    """Single-precision numbers in a vector register."""

    registers: int
    """Vector registers."""

    dots: tuple[Dot, ...] = ()
    """Instructions that multiply short integers and add up the products, the best first."""

    cache: int = 1 << 18
    """Bytes that a thread keeps near: half of its second level."""

    is_gpu: bool = False
    """Whether threads by the thousand take one number each, and blocks of them share memory."""

    tensor_cores: tuple[str, ...] = ()
    """Types of pixels that it multiplies tile by tile; for float32, it may round to halves."""


@dataclass(frozen=True)
class Choice:
    """What `tuning` tries of a filter bank; the static model's is the first."""

    rank: int = 0
    """The place of its tile in the order of the model's cost."""

    is_direct: bool = False
    """Whether it is computed as such where the model would mix 3x3, or take tensor cores."""


MODEL = Choice()
"""That of the static model."""


@dataclass
class Operand:
    """What a kernel reads: the value of a node, or a constant, and how it lies in memory."""

    layout: Layout
    is_constant: bool
    readers: int
    argument: Tensor
    """The placeholder, under the shape in memory."""

    view: Tensor
    """The same under the shape of the graph."""

    packing: Packing | None = None
    gather: Gather | None = None

    sums: tuple[Sums, Tensor] | None = None
    """What is made of a constant besides, and the placeholder for that."""


@dataclass
class Build:
    """What an op's expression may use besides its operands."""

    machine: Machine
    layout: Layout = PLANAR
    """How the kernel's result lies in memory."""

    pooled: Shape = (1, 1)
    """The window, of neither overlap nor gap, that the kernel pools a filter bank in."""

    choice: Choice = MODEL

    merged: int = 0
    """How many spatial axes are one from the filter bank on: pixels go by number then."""

    operands: list[Operand] = field(default_factory=list)
    tables: list[Constant] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    @property
    def where_read(self) -> Mapping[str, int] | None:
        """Marks of a stage that only moves or blends numbers: a GPU's threads redo the little."""
        return EACH if self.machine.is_gpu else None

    def operand(self, type_: TensorType, layout: Layout, is_constant: bool, readers: int) -> None:
        """Declare the next operand."""
        name = f"x{len(self.operands)}"
        argument = te.placeholder(layout.stored(type_.shape), type_.element.dtype.name, name)
        view = argument if layout == PLANAR else _planar(argument, type_.shape, layout.lanes)
        self.operands.append(Operand(layout, is_constant, readers, argument, view))

    def read_as(self, x: Tensor) -> Operand | None:
        """The operand that a tensor is, if it is one."""
        return next((each for each in self.operands if each.view.same_as(x)), None)

    def packed(self, x: Tensor, packing: Packing | Gather) -> Tensor:
        """A constant operand in another order, in which the kernel will be given it."""
        operand = self.read_as(x)
        assert operand is not None
        assert operand.is_constant
        assert operand.readers == 1
        if isinstance(packing, Gather):
            operand.gather = packing
        else:
            operand.packing = packing
        operand.argument = te.placeholder(packing.stored, packing.dtype, x.op.name)
        return operand.argument

    def summed(self, x: Tensor, sums: Sums) -> Tensor:
        """What the weights of each map add up to, which the kernel will be given besides them."""
        operand = self.read_as(x)
        assert operand is not None
        assert operand.is_constant
        placeholder = te.placeholder(sums.stored, sums.dtype, f"{x.op.name}_sums")
        operand.sums = (sums, placeholder)
        return placeholder

    def reshaped(self, x: Tensor, shape: Shape) -> Tensor:
        """The elements of x in their order under another shape."""
        operand = self.read_as(x)
        if operand is not None and operand.layout == PLANAR and operand.readers == 1:
            operand.view = operand.argument = te.placeholder(shape, dtype_of(x), x.op.name)
            return operand.view
        old = shape_of(x)

        def cell(*at: Expr) -> Expr:
            place = at[0]
            for size, index in zip(shape[1:], at[1:], strict=True):
                place = place * size + index
            axes = []
            for size in reversed(old[1:]):
                axes.append(tirx.floormod(place, size))
                place = tirx.floordiv(place, size)
            return x(place, *reversed(axes))

        return te.compute(shape, cell, "reshaped", attrs=EACH)

    def flat(self, x: Tensor) -> Tensor:
        """An operand whose spatial axes are one, as far as it has them."""
        shape = shape_of(x)
        first = max(0, len(shape) - self.merged)
        spatial = shape[first:]
        if len(spatial) < 2:
            return x

        def cell(*at: Expr) -> Expr:
            return x(*at[:-1], *place_of(at[-1], spatial))

        return te.compute((*shape[:first], math.prod(spatial)), cell, "flat", attrs=EACH)

    def table(self, array: Array) -> Tensor:
        """An array known at compile time, passed to the kernel after its operands."""
        constant = Constant(array)
        tensor = te.placeholder(array.shape, array.dtype.name, f"table{len(self.tables)}")
        self.tables.append(constant)
        self.tensors.append(tensor)
        return tensor


def _planar(argument: Tensor, shape: Shape, lanes: int) -> Tensor:
    """A blocked value under the shape of the graph."""
    return te.compute(
        shape,
        lambda n, c, *at: argument(n, tirx.floordiv(c, lanes), *at, tirx.floormod(c, lanes)),
        "planar",
        attrs=EACH,
    )


def stored(x: Tensor, build: Build) -> Tensor:
    """A result as it is to lie in memory; a blocked one's pixels are one axis."""
    lanes = build.layout.lanes
    if not lanes:
        # What is pooled is not the last stage: its loops over a window are no loops of a result.
        is_own = build.merged or build.pooled != (1, 1)
        return te.compute(x.shape, lambda *at: x(*at), "stored") if is_own else x
    batch, channels, *spatial = shape_of(x)

    def cell(n: Expr, block: Expr, pixel: Expr, lane: Expr) -> Expr:
        return x(n, block * lanes + lane, *place_of(pixel, spatial))

    return te.compute((batch, channels // lanes, math.prod(spatial), lanes), cell, "stored")


def parted(place: Expr, size: int) -> tuple[Expr, Expr]:
    """Which part of so many a place is in, and where in it."""
    return tirx.floordiv(place, size), tirx.floormod(place, size)


def place_of(pixel: Expr, spatial: Sequence[int]) -> list[Expr]:
    """The row and column of a pixel by its number."""
    place = []
    for size in reversed(spatial[1:]):
        place.append(tirx.floormod(pixel, size))
        pixel = tirx.floordiv(pixel, size)
    return [pixel, *reversed(place)]


def shape_of(x: Tensor) -> tuple[int, ...]:
    return tuple(map(int, x.shape))


def dtype_of(x: Tensor | Expr) -> str:
    """The type of the elements of a tensor, or of an expression, by NumPy's name."""
    return str(x.dtype if isinstance(x, te.Tensor) else x.ty)


def bits_of(x: Tensor | Expr) -> int:
    return 8 * np.dtype(dtype_of(x)).itemsize


def cast(x: Tensor, dtype: str) -> Tensor:
    """x in another type, as a stage of its own."""
    return te.compute(x.shape, lambda *at: x(*at).astype(dtype), "cast", attrs=EACH)


def is_float(x: Tensor | Expr) -> bool:
    return dtype_of(x).startswith("float")


def unless_nan(x: Expr, value: Expr, otherwise: Expr) -> Expr:
    """`value`, or `otherwise` if x is NaN.

    TVM's own test cannot be computed in vectors, and `x != x` and `not x <= y` it takes apart.
    """
    return tirx.Select(x <= tirx.infinity(dtype_of(x)), value, otherwise)


def lowest(dtype: Any) -> Expr:
    """What loses every comparison: minus infinity, or the least integer."""
    name = str(dtype)
    return -tirx.infinity(name) if name.startswith("float") else tirx.min_value(name)


def named(x: Tensor) -> Tensor:
    """x as a stage of its own within the innermost loop, for expressions that give it no name.

    TVM takes exponential time for one deep expression.
    """
    return te.compute(x.shape, lambda *at: x(*at), "named", attrs={WITHIN: 1})


def padded(
    x: Tensor,
    pairs: Sequence[tuple[int, int]],
    fill: Expr,
    attrs: Mapping[str, int] | None = None,
) -> Tensor:
    """x with `pairs` of (begin, end) around its last axes: a stage of its own, if there are any."""
    if not any(map(any, pairs)):
        return x
    shape = shape_of(x)
    still = len(shape) - len(pairs)
    sizes = [size + sum(pair) for size, pair in zip(shape[still:], pairs, strict=True)]

    def cell(*at: Expr) -> Expr:
        source = [place - begin for place, (begin, _) in zip(at[still:], pairs, strict=True)]
        return guarded(x, (*at[:still], *source), fill, still)

    return te.compute((*shape[:still], *sizes), cell, "padded", attrs=attrs)


def guarded(x: Tensor, at: Sequence[Expr], fill: Expr, still: int = 2) -> Expr:
    """x at a place, or `fill` where that lies outside along one of the axes from `still` on."""
    inside = [
        tirx.all(place >= 0, place < size)
        for place, size in zip(at[still:], shape_of(x)[still:], strict=True)
    ]
    return tirx.if_then_else(tirx.all(*inside), x(*at), fill)


def reduce_axes(sizes: Sequence[int], name: str = "k") -> list[Expr]:
    return [te.reduce_axis((0, size), f"{name}{index}") for index, size in enumerate(sizes)]


def element(x: Tensor, at: Sequence[Expr], axis: int, place: Expr) -> Expr:
    """x at these places, but at another one along an axis."""
    return x(*at[:axis], place, *at[axis + 1 :])


def double(number: Expr | float) -> Expr:
    """A number in double precision."""
    return number.astype("float64") if hasattr(number, "astype") else tirx.const(number, "float64")


def spread(x: Tensor, at: Sequence[Expr]) -> Expr:
    """x at a place of what it broadcasts to."""
    shape = shape_of(x)
    inner = at[len(at) - len(shape) :]
    return x(*(0 if size == 1 else place for size, place in zip(shape, inner, strict=True)))
