"""Models of all kinds, good and bad, become integers near their floats, or a user's error."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

import sightline
from sightline.backends.reference import run
from sightline.ir.errors import UserError
from sightline.ir.text import to_text
from sightline.ir.types import FLOAT32, Array
from sightline.passes.refusal import Refusal
from tests.support.integer_layers import (
    SHAPE,
    accuracy_of,
    frames,
    integers_of,
    ratio_of,
    two_banks,
    weights,
)
from tests.support.pass_checks import graph_of

FRAMES = frames()
PRECISIONS = ("int8", "int16", "q8.8")
BARS = {"int8": 36.0, "int16": 60.0, "q8.8": 40.0}
"""Least signal to noise of the outputs of `two_banks`, 3 dB below what was measured."""


def with_dead_map() -> Array:
    dead = weights()
    dead[:2] = 0
    return dead


WEIGHTS = {
    "plain": (weights(), [0.1, 0.2, 0.3]),
    "a dead map": (with_dead_map(), None),
    "a dead map with a bias": (with_dead_map(), [0.5, 0.1, 0.2]),
    "all of the largest magnitude": (np.sign(weights()) * 0.25, None),
    "huge biases beside tiny weights": (weights() * 1e-6, [1e3, -1e3, 1e3]),
    "a bias of one map alone is huge": (weights(), [1e3, 0.1, 0.2]),
    "zeros": (weights() * 0, None),
    "zeros with a bias": (weights() * 0, [1.0, 2.0, -1.0]),
    "denormal, with a bias": (weights() * np.float32(1e-40), [1.0, -2.0, 0.5]),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_any_kind(name: str, precision: str) -> None:
    net = two_banks(*WEIGHTS[name])
    assert ratio_of(sightline.quantize(net, FRAMES, precision), FRAMES) >= BARS[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_denormal_weights_without_a_bias_are_as_good_as_none(precision: str) -> None:
    net = two_banks(weights() * np.float32(1e-40))
    found = run(integers_of(sightline.quantize(net, FRAMES, precision)), x=FRAMES[0])["y"]
    assert np.abs(found).max() < 1e-30


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("operand", ["weight", "bias"])
def test_weights_that_are_no_numbers_are_refused_where_they_are(
    operand: str, number: float
) -> None:
    bad, bias = weights(), np.zeros(3, np.float32)
    (bad if operand == "weight" else bias).reshape(-1)[1] = number
    with pytest.raises(UserError, match=r"^node 'bank': .*finite"):
        sightline.quantize(two_banks(bad, bias), FRAMES)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("value", [0.7, -0.01, 0.0])
@pytest.mark.parametrize("bias", [None, [0.1, 0.2, 0.3]], ids=["no bias", "bias"])
def test_frames_that_never_change(bias: list[float] | None, value: float, precision: str) -> None:
    constant = [np.full(SHAPE, value, np.float32)] * 2
    model = sightline.quantize(two_banks(weights(), bias), constant, precision)
    found = accuracy_of(model, constant).results[0].ratio
    allowed = 72 * 2.0**-16 if precision == "q8.8" else 1e-9  # a step each, of 72 numbers
    assert found.noise <= found.signal * 10 ** (-18 / 10) + allowed


def test_a_layer_in_float_is_computed_in_float() -> None:
    net = two_banks(weights(), [0.1, 0.2, 0.3])
    model = sightline.quantize(net, FRAMES, ["int8", "act=float"])
    legal = integers_of(model)
    floats = [n.name for n in legal.operations if n.type.element == FLOAT32]
    assert floats == ["bank.real", "act.exact", "last.real"]
    assert legal["bank"].type.element != FLOAT32
    assert ratio_of(model, FRAMES) >= BARS["int8"]


@pytest.mark.parametrize("layer", ["bank", "act", "last"])
def test_a_layer_of_more_bits_is_nearer(layer: str) -> None:
    net = two_banks(weights())
    plain = ratio_of(sightline.quantize(net, FRAMES, "int8"), FRAMES)
    better = ratio_of(sightline.quantize(net, FRAMES, ["int8", f"{layer}=int16"]), FRAMES)
    assert better > plain - 0.5


@pytest.mark.parametrize(
    ("precision", "told"),
    [
        ("int9", "there is no precision 'int9'.*int8, int16, q8.8, float"),
        (["bnk=int16"], "'bnk', which is no layer of net. Did you mean bank"),
    ],
)
def test_what_is_misspelled_is_told(precision: str | Sequence[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        sightline.quantize(two_banks(weights()), FRAMES, precision)


def test_what_is_quantized_already_is_refused() -> None:
    model = sightline.quantize(two_banks(weights()), FRAMES)
    with pytest.raises(UserError, match="the network is quantized already"):
        sightline.quantize(model, FRAMES)


def test_no_frames_are_refused() -> None:
    with pytest.raises(UserError, match="frames"):
        sightline.quantize(two_banks(weights()), [])


def softmax_net(*, middle: bool) -> sightline.Model:
    last = "conv(s, w, kernel=[1, 1], maps=[2, 2])" if middle else "mul(s, s)"
    return sightline.read(
        graph_of(f"""
            x = input : f32[1,2,8,8]
            w = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]
            a = conv(x, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,8,8]
            s = softmax(a, axis=1) : f32[1,2,8,8]
            y = {last} : f32[1,2,8,8]
            return y=y
        """)
    )


def test_softmax_at_the_end_stays_in_float() -> None:
    model = sightline.quantize(softmax_net(middle=False), FRAMES)
    legal = integers_of(model)
    assert [n.op.kind for n in legal.operations][-3:] == ["dequantize", "softmax", "mul"]
    assert ratio_of(model, FRAMES) > 35


def test_softmax_between_banks_is_refused_and_what_is_told_works() -> None:
    net = softmax_net(middle=True)
    with pytest.raises(UserError, match=r"^node 's': softmax .* between filter banks") as caught:
        sightline.quantize(net, FRAMES)
    told = re.search(r"--precision (\S*=float)\.", str(caught.value))
    assert told
    assert ratio_of(sightline.quantize(net, FRAMES, ["int8", told[1]]), FRAMES) > 30


def test_the_same_frames_give_the_same_model() -> None:
    models = [sightline.quantize(two_banks(weights()), order) for order in (FRAMES, FRAMES[::-1])]
    assert to_text(models[0].graph) == to_text(models[1].graph)


def test_a_range_that_integers_cannot_hold_is_the_users_to_know() -> None:
    with pytest.raises(Refusal, match=r"^node 'bank': .*its bias is too large"):
        integers_of(sightline.quantize(two_banks(weights() * 1e37, [0.1] * 3), FRAMES, "q8.8"))
