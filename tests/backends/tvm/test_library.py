"""What LLVM makes of a kernel is held to what it is known to get right."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm.target import Target

from sightline.backends.tvm import library
from sightline.backends.tvm.host import Processor
from sightline.backends.tvm.library import MASKED_STORE, compiled
from sightline.backends.tvm.lowering import Kernel, lower
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.quantization import Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference

RNG = np.random.default_rng(0)

WIDE = Processor("x86_64", "x86-64-v4", ("avx", "avx512bw", "avx512f", "avx512vl"))


def one_tap(columns: int) -> tuple[Graph, dict[str, Array]]:
    """A bank whose rows end within a vector, and whose sums become bytes."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 1, 13, columns), Int(8)))
    weights = net.constant(RNG.integers(-127, 128, (2, 3, 1)).astype(np.int8), "w")
    y = net.add(IntegerConv(Window((3, 1)), Table.dense(1, 2), 20), x, weights)
    multipliers = net.constant(RNG.integers(1 << 16, 1 << 17, (1, 2, 1, 1)).astype(np.int32), "m")
    shifts = net.constant(np.full((1, 2, 1, 1), 24, np.int8), "s")
    net.output(net.add(Requantize(Encoding(8, 0.5), -128, 127), y, multipliers, shifts))
    return net.finish(), {"x": RNG.integers(-128, 128, (1, 1, 13, columns)).astype(np.int8)}


def kernel() -> Kernel:
    [found] = lower(one_tap(33)[0], WIDE.machine).kernels
    return found


def stores_under_a_mask(target: Target) -> bool:
    return MASKED_STORE in tvm.tirx.build(kernel().module(), target=target).inspect_source("ll")


def test_nothing_is_stored_under_a_mask() -> None:
    """LLVM would by itself: if it no longer does, nothing need be done about it any more."""
    assert stores_under_a_mask(WIDE.target())
    assert MASKED_STORE not in compiled(kernel(), WIDE.target()).inspect_source("ll")


def test_nothing_is_even_if_the_options_do_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "NO_MASKS", ())
    assert MASKED_STORE not in compiled(kernel(), WIDE.target()).inspect_source("ll")


def test_what_llvm_is_not_known_to_get_right_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MASKED_STORE", "store")
    with pytest.raises(RuntimeError, match="integer_conv_0"):
        compiled(kernel(), WIDE.target())


@pytest.mark.parametrize("columns", range(17, 50, 4))
def test_rows_that_end_within_a_vector(columns: int) -> None:
    assert_is_reference(*one_tap(columns), tolerance=0)
