"""Unsigned integers become signed ones that stand for the very same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.types import Quant
from sightline.ir.verify import verify
from sightline.passes import rebase_unsigned as module
from sightline.passes.rebase_unsigned import rebase_unsigned, signed
from sightline.passes.refusal import Refusal
from tests.support.examples import examples
from tests.support.pass_checks import assert_agree, graph_of

ENCODING = "bits=8, scale=0.0625, zero_point=100, signed=false"
QUANT = "quant(u8,0x1.0p-4,100)"

NET = graph_of(f"""
    x = input : f32[1,1,4,4]
    q = quantize(x, {ENCODING}) : {QUANT}[1,1,4,4]
    w = const [0, 100, 110, 255] : {QUANT}[1,1,2,2]
    p = pad(q, pads=[0, 0, 1, 1, 0, 0, 0, 0], value=117.0) : {QUANT}[1,1,5,5]
    m = max_pool(p, kernel=[2, 2], strides=[2, 2]) : {QUANT}[1,1,2,2]
    c = concat(m, w, axis=1) : {QUANT}[1,2,2,2]
    y = dequantize(c, {ENCODING}) : f32[1,2,2,2]
    return y=y
""")


def is_signed(graph: Graph) -> bool:
    elements = [node.type.element for node in graph.nodes]
    return all(e.storage.signed for e in elements if isinstance(e, Quant))


def test_every_value_becomes_signed_and_means_the_same() -> None:
    after = rebase_unsigned(NET)
    verify(after)
    assert is_signed(after)
    assert not is_signed(NET)
    for seed in range(5):
        assert_agree(NET, after, seed=seed, tolerance=0)
    assert rebase_unsigned(after) == after
    assert [node.name for node in after.nodes] == [node.name for node in NET.nodes]


@examples(100)
@given(
    st.integers(2, 16).flatmap(lambda bits: st.tuples(st.just(bits), st.integers(0, 2**bits - 1))),
    st.integers(-5, 5),
    st.integers(0, 99),
)
def test_the_same_numbers_by_any_encoding(
    bits_and_zero: tuple[int, int], power: int, seed: int
) -> None:
    bits, zero_point = bits_and_zero
    unsigned = Encoding(bits, 2.0**power, zero_point, signed=False)
    same = signed(unsigned)
    assert same.signed
    assert signed(same) == same
    rng = np.random.default_rng(seed)
    x = (unsigned.scale * 2**bits * rng.standard_normal(100)).astype(np.float32)
    wanted = Dequantize(unsigned).evaluate(Quantize(unsigned).evaluate(x))
    np.testing.assert_array_equal(Dequantize(same).evaluate(Quantize(same).evaluate(x)), wanted)


def test_plain_integers_of_the_caller_stay() -> None:
    graph = graph_of(f"""
        x = input : u8[2]
        w = const [3, 200] : u8[2]
        c = concat(x, w, axis=0) : u8[4]
        y = dequantize(c, {ENCODING}) : f32[4]
        return y=y
    """)
    assert rebase_unsigned(graph) == graph


def test_a_zero_point_that_is_not_moved_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "signed", lambda encoding: replace(encoding, zero_point=0, signed=True)
    )
    with pytest.raises(AssertionError):
        assert_agree(NET, rebase_unsigned(NET), tolerance=0)


@pytest.mark.parametrize(
    "line",
    [
        "m = clamp(q, low=100, high=215) : {0}[1,1,4,4]",
        "m = stuff(q, factors=[2, 2], value=3.0) : {0}[1,1,8,8]",
        "m = pad(q, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=7.0) : {0}[1,1,6,6]",
    ],
)
def test_what_is_said_in_integers_moves_with_them(line: str) -> None:
    element = "quant(u8,0x1.0p-5,110)"
    size = 8 if "stuff" in line else 6 if "pad" in line else 4
    spelled = "bits=8, scale=0.03125, zero_point=110, signed=false"
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        q = quantize(x, {spelled}) : {element}[1,1,4,4]
        {line.format(element)}
        y = dequantize(m, {spelled}) : f32[1,1,{size},{size}]
        return y=y
    """)
    after = rebase_unsigned(graph)
    verify(after)
    assert_agree(graph, after, tolerance=0)


def test_an_unsigned_output_is_refused_by_name() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        q = quantize(x, bits=8, scale=0.5, signed=false) : quant(u8,0x1.0p-1,0)[1,1,4,4]
        return pixels=q
    """)
    with pytest.raises(Refusal, match="the output 'pixels' is in u8"):
        rebase_unsigned(graph)
