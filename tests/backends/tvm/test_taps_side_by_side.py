"""Filter banks of short integers in vectors of pixels, some taps at a time, on the target `cpu`."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends.tvm.host import host
from sightline.backends.tvm.lowering import lower
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.quantization import Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, without_bytes

RNG = np.random.default_rng(0)

UNEVEN = Table(
    6, 10, 4, tuple(tuple(sorted(RNG.permutation(6)[:size].tolist())) for size in (3, 3, 5))
)
"""Blocks of four maps, of which the last has two, with two sizes of fan-in."""

WINDOWS = (
    Window((3, 3), pads=(1, 1, 1, 1)),
    Window((7, 7)),
    Window((2, 4), pads=(0, 3, 1, 0)),
    Window((1, 2)),
    Window((3, 5), strides=(2, 2), pads=(1, 2, 1, 2)),
    Window((2, 3), strides=(1, 3), dilation=(3, 2)),
)


def bank(
    table: Table, window: Window, columns: int, kind: type[np.signedinteger]
) -> tuple[Graph, dict[str, Array]]:
    """Numbers at the ends of what they may be, so that whatever overflows is seen."""
    info = np.iinfo(kind)
    net = GraphBuilder("net")
    shape = (2, table.channels, 13, columns)
    x = net.input("x", TensorType(shape, Int(info.bits)))
    weights = RNG.choice([-info.max, info.max, 3], (table.pairs, *window.kernel)).astype(kind)
    bits = min(2 * info.bits + (window.taps * table.channels).bit_length(), 40)
    filters = net.constant(weights, "w")
    y = net.add(IntegerConv(window, table, bits, fill=-3), x, filters)
    factors = (1, table.maps, 1, 1)
    multipliers = net.constant(RNG.integers(1, 1 << 17, factors).astype(np.int32), "m")
    shifts = net.constant(RNG.integers(20, 40, factors).astype(np.int8), "s")
    net.output(net.add(Requantize(Encoding(8, 0.5), -128, 127), y, multipliers, shifts))
    return net.finish(), {"x": RNG.choice([info.min, info.max, -1, 0], shape).astype(kind)}


def is_side_by_side(graph: Graph) -> bool:
    text = "".join(each.function.script() for each in lower(graph, host()[0].machine).kernels)
    return "v_term" in text


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.kernel}")
@pytest.mark.parametrize("kind", [np.int8, np.int16])
def test_tables_windows_and_rows(window: Window, kind: type[np.signedinteger]) -> None:
    for table in (UNEVEN, Table.dense(3, 5)):
        for columns in (8, 19, 41):
            graph, inputs = bank(table, window, columns, kind)
            assert_is_reference(graph, inputs, tolerance=0)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.kernel}")
def test_bytes_in_pairs(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bytes(monkeypatch)
    assert_is_reference(*bank(UNEVEN, window, 41, np.int8), tolerance=0)


def test_where_taps_are_side_by_side() -> None:
    if not host()[0].machine.dots:
        pytest.skip("this processor has no instruction for pairs of integers")
    assert is_side_by_side(bank(UNEVEN, WINDOWS[0], 32, np.int8)[0])
    assert is_side_by_side(bank(UNEVEN, WINDOWS[0], 5, np.int8)[0])
    assert not is_side_by_side(bank(UNEVEN, WINDOWS[0], 3, np.int8)[0])
    assert not is_side_by_side(bank(UNEVEN, Window((3, 1)), 32, np.int8)[0])
