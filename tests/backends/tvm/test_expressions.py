"""Every op on the target `cpu` against its own meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from sightline.backends.target import Taken
from sightline.backends.tvm.cpu import TARGET
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.op import OPS, Sample
from sightline.ir.ops import movement
from sightline.ir.ops.arithmetic import Sub
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.ops.movement import Concat, Pad, Transpose
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pointwise import Clip, Math, Pointwise, Relu, SoftShrink
from sightline.ir.ops.pooling import GlobalAveragePool, GlobalMaxPool, LPPool, MaxPool
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, side_by_side
from tests.support.examples import examples
from tests.support.integer_ops import MADE_BY_PASSES
from tests.support.random_graphs import graphs, inputs_for

EXACT = {"arg_max", "max_pool", "global_max_pool", "relu", "abs", "clip", "add", "sub", "mul"}
EXACT |= {kind for kind, op in OPS.items() if op.__module__ == movement.__name__} | MADE_BY_PASSES
EXACT |= {"resize_nearest"}


def check(*samples: Sample, tolerance: float = 1e-4) -> list[Array]:
    graph, inputs = side_by_side(samples)
    return list(assert_is_reference(graph, inputs, tolerance=tolerance).values())


@pytest.mark.parametrize("kind", OPS)
def test_every_op_is_taken(kind: str) -> None:
    assert TARGET.support(OPS[kind]) == Taken()


@pytest.mark.parametrize("kind", OPS)
def test_samples(kind: str) -> None:
    samples = [OPS[kind].sample(np.random.default_rng(seed)) for seed in range(6)]
    check(*samples, tolerance=0 if kind in EXACT else 1e-4)


@examples(30, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(max_nodes=8), st.integers(0, 2**32 - 1))
def test_random_graphs(graph: Graph, seed: int) -> None:
    assert_is_reference(graph, inputs_for(graph, seed))


@dataclass(frozen=True)
class EveryFunction(Pointwise):
    """A pointwise op that this backend has never heard of."""

    kind: ClassVar[str] = "every_function"

    def formula(self, m: Math, x: Any) -> Any:
        inside = m.where(x > 0.5, m.sqrt(m.absolute(x)), 0.25)
        return m.minimum(m.maximum(m.exp(-x), m.tanh(x)), inside / 2.0) - 1.0


def test_a_new_pointwise_op_needs_no_change() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5)).astype(np.float32)
    check(Sample(EveryFunction(), (x,)))


@dataclass(frozen=True)
class Step(Pointwise):
    """A formula whose result is a number, and depends on x by a condition alone."""

    kind: ClassVar[str] = "step"

    def formula(self, m: Math, x: Any) -> Any:
        return m.where(x > 0.0, 1.0, 0.0)


def test_a_formula_may_give_plain_numbers() -> None:
    check(Sample(Step(), (np.linspace(-1, 1, 9, dtype=np.float32),)), tolerance=0)


def test_not_a_number_stays_one_and_spreads_as_in_the_reference() -> None:
    x = np.random.default_rng(0).standard_normal((1, 3, 6, 6)).astype(np.float32)
    x[0, 1, 2, 3] = np.nan
    for op in (Relu(), Clip(), SoftShrink(), MaxPool(Window((2, 2))), GlobalMaxPool(), ArgMax()):
        check(Sample(op, (x,)), tolerance=0)
    check(Sample(Softmax(), (x,)), Sample(EveryFunction(), (x,)))


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.finfo(np.float32).min])
def test_padding_never_wins_a_max_pooling(value: float) -> None:
    x = np.full((1, 2, 5, 5), value, np.float32)
    check(Sample(MaxPool(Window((3, 3), pads=(1, 1, 1, 1))), (x,)), tolerance=0)


def test_integers_move_and_pool() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (2, 3, 5, 4)).astype(np.int8)
    window = Window((2, 3), pads=(1, 1, 0, 0))
    low = np.full_like(x, -128)
    check(
        Sample(MaxPool(window), (low,)),
        Sample(MaxPool(window), (x,)),
        Sample(ArgMax(-1), (x,)),
        Sample(Pad((0, 0, 1, 1) * 2, "constant", -7.0), (x,)),
        Sample(Concat(3), (x, low)),
        tolerance=0,
    )


def test_values_without_axes() -> None:
    x = np.full((), 3.5, np.float32)
    samples = [Sample(op, (x,)) for op in (Relu(), Transpose(()))]
    check(*samples, tolerance=0)


def test_local_normalization_of_a_large_offset() -> None:
    """In single precision the variance would be lost: 1000 is 10^5 deviations away."""
    rng = np.random.default_rng(0)
    x = (1000 + 0.01 * rng.standard_normal((1, 1, 20, 30))).astype(np.float32)
    check(Sample(LocalNorm((5, 5), 1e-4), (x,)), tolerance=1e-5)


def test_powers_beyond_single_precision() -> None:
    x = np.full((1, 1, 4, 4), 1e15, np.float32)
    [y] = check(Sample(LPPool(Window((2, 2)), 3.0), (x,)))
    assert np.isfinite(y).all()


def test_exp_and_tanh_are_accurate_everywhere() -> None:
    """Also where the largest output does not excuse the small ones."""
    tiny = np.float32(10.0) ** np.arange(-30, 0, 0.25, dtype=np.float32)
    x = np.concatenate([tiny, np.linspace(0.1, 12, 3000, dtype=np.float32)])
    x = np.concatenate([-x, x])

    @dataclass(frozen=True)
    class Both(Pointwise):
        kind: ClassVar[str] = "both"
        exp: bool

        def formula(self, m: Math, x: Any) -> Any:
            return m.exp(x) if self.exp else m.tanh(x)

    exp, tanh = check(Sample(Both(True), (x,)), Sample(Both(False), (x,)))
    np.testing.assert_allclose(exp, np.exp(x.astype(np.float64)), rtol=3e-7)
    np.testing.assert_allclose(tanh, np.tanh(x.astype(np.float64)), rtol=6e-7)
    far = np.array([-np.inf, -200, -104, 89, 200, np.inf], np.float32)
    [exp] = check(Sample(Both(True), (far,)))
    np.testing.assert_array_equal(exp, np.array([0, 0, 0, np.inf, np.inf, np.inf], np.float32))


def test_what_cancels_is_allowed_the_rounding_of_what_cancelled() -> None:
    """Found by night: the mean less its own blur is zero, give or take the mean's last place."""
    builder = GraphBuilder("cancels")
    mean = builder.add(GlobalAveragePool(), builder.input("x", TensorType((2, 4, 6, 4))))
    blurred = builder.add(PyramidUp((1, 1)), builder.add(PyramidDown(), mean))
    builder.output(builder.add(Sub(), mean, blurred), "y")
    graph = builder.finish()
    assert_is_reference(graph, inputs_for(graph, 0))
