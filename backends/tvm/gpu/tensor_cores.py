"""The function of `folder/tensor_cores.cu` that multiplies tiles, as an instruction for TVM.

What is described is what a thread's own sums are given of a row of taps; what is called does it by
its warp, with numbers that other threads of the warp hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tvm.s_tir import TensorIntrin
from tvm.script import from_source

from sightline.backends.tvm.gpu.matrix_tiles import HALVES, MAPS
from sightline.ir.types import Shape

FUNCTION = "add_products"


@dataclass(frozen=True)
class Product:
    """The sizes of `add_products`: `own` products of maps and of rows, the pooled window, taps."""

    own: tuple[int, int]
    pooled: tuple[int, int]
    strides: Shape
    columns: int
    dilation: int
    planes: int
    dtypes: tuple[str, str, str]
    """Of pixels, taps and sums."""

    @property
    def extents(self) -> dict[str, int]:
        """The loops, from the outermost: sums of a thread, then what each is a sum of."""
        (maps, rows), (tall, wide) = self.own, self.pooled
        sums = {"m": maps, "row": rows, "i": tall, "j": wide, "half": HALVES, "two": 2}
        return sums | {"column": self.columns, "k": self.planes}


@cache
def tensor_intrinsic(product: Product) -> str:
    """Register the function for these sizes. Returns the name by which a schedule finds it."""
    numbers = (*product.own, *product.pooled, *product.strides, product.columns, product.dilation)
    name = ".".join(map(str, ("sightline", FUNCTION, *numbers, product.planes, *product.dtypes)))
    TensorIntrin.register(name, from_source(_meaning(product)), from_source(_call(product)))
    return name


def _meaning(product: Product) -> str:
    loops = {name: extent for name, extent in product.extents.items() if extent > 1}
    at = {name: f"v_{name}" if name in loops else "0" for name in product.extents}
    own_rows, tall = product.own[1], product.pooled[0]
    row = f"(({at['half']} * {own_rows} + {at['row']}) * {tall} + {at['i']}) * {product.strides[0]}"
    column = f"{at['j']} * {product.strides[1]} + {at['column']} * {product.dilation}"
    pixel = f"pixels[{row}, {column}, {at['k']}]"
    tap = f"taps[{at['m']} * {MAPS} + {at['two']}, {at['column']} * {product.planes} + {at['k']}]"
    total = f"sums[{', '.join(list(at.values())[:6])}]"
    sum_type = product.dtypes[2]
    kinds = "".join("R" if name in ("column", "k") else "S" for name in loops)
    names = ", ".join(loops)
    return (
        _head(product)
        + f"""
        for {names} in T.grid({", ".join(map(str, loops.values()))}):
            with T.sblock("update"):
                {", ".join(at[name] for name in loops)} = T.axis.remap("{kinds}", [{names}])
                {total} = (
                    {total} + T.Cast("{sum_type}", {pixel}) * T.Cast("{sum_type}", {tap})
                )
"""
    )


def _call(product: Product) -> str:
    sizes = (*product.own, *product.pooled, product.columns, product.planes)
    function = f"{FUNCTION}<{', '.join(map(str, sizes))}>"
    own_rows, tall, (down, across) = product.own[1], product.pooled[0], product.strides
    steps: Sequence[str] = (
        f"to_row * {own_rows * tall * down}",
        f"to_row * {tall * down}",
        f"to_row * {down}",
        f"to_pixel * {across}",
        f"to_pixel * {product.dilation}",
        "to_map",
    )
    operands = 'sums.access_ptr("rw"), pixels.access_ptr("r"), taps.access_ptr("r")'
    return (
        _head(product)
        + f"""
        T.evaluate(T.call_extern("int32", "{function}", {operands}, {", ".join(steps)}))
"""
    )


def _head(product: Product) -> str:
    """The operands, as both functions declare them."""
    own, own_maps = list(product.extents.values())[:6], product.own[0]
    rows = (HALVES * product.own[1] * product.pooled[0] - 1) * product.strides[0] + 1
    columns = (product.pooled[1] - 1) * product.strides[1]
    columns += (product.columns - 1) * product.dilation + 1
    maps, length = (own_maps - 1) * MAPS + 2, product.columns * product.planes
    pixels, taps, sums = (f'"{dtype}"' for dtype in product.dtypes)
    every = ", ".join(f"0:{extent}" for extent in own)
    place = "offset_factor=1"
    return f"""
@T.prim_func(s_tir=True)
def product(a: T.handle, b: T.handle, c: T.handle) -> None:
    to_row = T.int32()
    to_pixel = T.int32()
    to_map = T.int32()
    pixels = T.match_buffer(a, ({rows}, {columns}, {product.planes}), {pixels}, scope="shared",
        strides=[to_row, to_pixel, 1], {place})
    taps = T.match_buffer(b, ({maps}, {length}), {taps}, strides=[to_map, 1], {place})
    sums = T.match_buffer(c, ({", ".join(map(str, own))}), {sums}, scope="local", {place})
    with T.sblock("root"):
        T.reads(sums[{every}], pixels[0:{rows}, 0:{columns}, 0:{product.planes}],
            taps[0:{maps}, 0:{length}])
        T.writes(sums[{every}])
"""
