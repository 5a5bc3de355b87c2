"""Attributes in all their combinations, at old and new opsets, against onnxruntime."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
from hypothesis import given, reject
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from tests.support.examples import examples
from tests.support.onnx_models import graph_of, one_node
from tests.support.onnxruntime import RUNTIME_ERRORS, assert_close, run_onnx

OPSETS = (7, 10, 11, 13, onnx.defs.onnx_opset_version() - 2)
"""The newest that onnxruntime takes is two below the newest that onnx defines."""

many = examples(100)
opsets = st.sampled_from(OPSETS)
seeds = st.integers(0, 2**16)


def maps(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


REFUSED = (
    r"auto_pad SAME_\w+ of a pooling .* runtimes disagree",
    r"the window \dx\d covers \dx\d, more than its padded input",
    r"has windows that lie in the padding alone",
    r"the slice of axis \d, of size \d, is empty",
    r"Resize of opset 10 shrinks one axis and stretches the other",
    r"in mode '(align_corners|half_pixel_symmetric)' makes sizes that are no whole numbers",
)


def check(model: onnx.ModelProto, x: Array) -> None:
    """What is read means what onnxruntime computes. What it cannot run proves nothing."""
    try:
        expected = run_onnx(model, {"x": x})
    except RUNTIME_ERRORS:
        reject()
    try:
        graph = graph_of(model)
    except UserError as error:
        if re.search("|".join(REFUSED), str(error)):
            return
        raise
    found = reference.run(graph, x=x)
    for name, y in expected.items():
        assert_close(found[name], y, 1e-5)


@st.composite
def windows(draw: st.DrawFn, *, dilates: bool = True, pads_below_kernel: bool) -> dict[str, Any]:
    """Kernel, strides, dilations, and pads or a rule for them."""
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel = draw(pair)
    attributes: dict[str, Any] = {"kernel_shape": kernel}
    if draw(st.booleans()):
        attributes["strides"] = draw(pair)
    if dilates and draw(st.booleans()):
        attributes["dilations"] = draw(pair)
    rule = draw(st.sampled_from(["none", "pads", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if rule == "pads":
        most = [k - 1 if pads_below_kernel else 2 for k in kernel]
        attributes["pads"] = [draw(st.integers(0, m)) for m in (*most, *most)]
    elif rule != "none":
        attributes["auto_pad"] = rule
    return attributes


@many
@given(windows(pads_below_kernel=False), opsets, st.sampled_from([1, 2, 4]), st.booleans(), seeds)
def test_conv(attributes: dict[str, Any], opset: int, group: int, bias: bool, seed: int) -> None:
    kernel = attributes["kernel_shape"]
    weights = maps(seed, (8, 4 // group, *kernel))
    operands = (weights, maps(seed, (8,))) if bias else (weights,)
    shape = (2, 4, 8, 7)
    model = one_node("Conv", shape, *operands, opset=opset, group=group, **attributes)
    check(model, maps(seed, shape))


@many
@given(windows(pads_below_kernel=True), opsets, st.booleans(), st.booleans(), st.data())
def test_max_pool(
    attributes: dict[str, Any], opset: int, ceil: bool, columns: bool, data: st.DataObject
) -> None:
    if opset < 10:
        attributes.pop("dilations", None)
    else:
        attributes["ceil_mode"] = int(ceil)
    attributes["storage_order"] = int(columns)
    if opset < 8:
        del attributes["storage_order"]
    shape = (1, 2, data.draw(st.integers(3, 9)), data.draw(st.integers(3, 9)))
    check(one_node("MaxPool", shape, opset=opset, **attributes), maps(1, shape))


@many
@given(windows(pads_below_kernel=True), opsets, st.booleans(), st.booleans(), st.data())
def test_average_pool(
    attributes: dict[str, Any], opset: int, ceil: bool, counts: bool, data: st.DataObject
) -> None:
    if opset < 19:
        attributes.pop("dilations", None)
    if opset >= 10:
        attributes["ceil_mode"] = int(ceil)
    attributes["count_include_pad"] = int(counts)
    shape = (1, 2, data.draw(st.integers(3, 9)), data.draw(st.integers(3, 9)))
    check(one_node("AveragePool", shape, opset=opset, **attributes), maps(1, shape))


@many
@given(windows(pads_below_kernel=True), opsets, st.booleans(), st.integers(1, 3), st.data())
def test_lp_pool(
    attributes: dict[str, Any], opset: int, ceil: bool, p: int, data: st.DataObject
) -> None:
    if opset < 18:
        attributes.pop("dilations", None)
    else:
        attributes["ceil_mode"] = int(ceil)
    shape = (1, 2, data.draw(st.integers(3, 9)), data.draw(st.integers(3, 9)))
    check(one_node("LpPool", shape, opset=opset, p=p, **attributes), maps(1, shape))


NOTHING = np.zeros(0, np.float32)
coordinate_rules = st.sampled_from(
    ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
)
rounding_rules = st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])


@st.composite
def resizes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "mode": draw(st.sampled_from(["nearest", "linear"])),
        "coordinate_transformation_mode": draw(coordinate_rules),
        "nearest_mode": draw(rounding_rules),
    }


def check_resize(attributes: dict[str, Any], opset: int, *operands: Array) -> None:
    shape = (2, 3, 4, 6)
    if attributes["coordinate_transformation_mode"] == "half_pixel_symmetric":
        attributes["mode"] = "linear"  # onnxruntime rounds off its positions, which ties show
        opset = max(opset, 19)
    check(one_node("Resize", shape, *operands, opset=opset, **attributes), maps(0, shape))


resize_opsets = st.sampled_from([11, 13, 18, 19, OPSETS[-1]])


@many
@given(resizes(), resize_opsets, st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_resize_by_sizes(attributes: dict[str, Any], opset: int, size: tuple[int, int]) -> None:
    check_resize(attributes, opset, NOTHING, NOTHING, np.array([2, 3, *size]))


SCALES = [0.25, 1 / 3, 0.5, 0.6, 1.0, 1.3, 1.5, 2.0, 7 / 3, 3.0]


@many
@given(resizes(), resize_opsets, st.tuples(*[st.sampled_from(SCALES)] * 2))
def test_resize_by_scales(
    attributes: dict[str, Any], opset: int, scales: tuple[float, float]
) -> None:
    check_resize(attributes, opset, NOTHING, np.array([1, 1, *scales], np.float32))


@many
@given(
    resizes(),
    st.sampled_from(["stretch", "not_larger", "not_smaller"]),
    st.sampled_from([[2, 3], [3, 2]]),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_resize_of_some_axes_that_keeps_the_aspect_ratio(
    attributes: dict[str, Any], policy: str, axes: list[int], size: tuple[int, int]
) -> None:
    attributes |= {"keep_aspect_ratio_policy": policy, "axes": axes}
    check_resize(attributes, 19, NOTHING, NOTHING, np.array(size))


@many
@given(st.sampled_from([7, 9, 10]), st.sampled_from(["nearest", "linear"]), st.data())
def test_upsample_and_resize_of_opset_10(opset: int, mode: str, data: st.DataObject) -> None:
    shape = (1, 2, 4, 6)
    choices = [1.0, 1.5, 2.0, 3.0] if opset < 10 else [0.25, 0.5, 0.6, 1.0, 1.3, 2.0]
    scales = [1.0, 1.0, *(data.draw(st.sampled_from(choices)) for _ in range(2))]
    if opset == 7:
        model = one_node("Upsample", shape, opset=7, mode=mode, scales=scales)
    else:
        name = "Upsample" if opset == 9 else "Resize"
        model = one_node(name, shape, np.array(scales, np.float32), opset=opset, mode=mode)
    check(model, maps(0, shape))


@many
@given(opsets, st.sampled_from(["constant", "edge", "reflect"]), st.data())
def test_pad(opset: int, mode: str, data: st.DataObject) -> None:
    shape = (2, 3, 4, 5)
    least = -1 if mode == "constant" else 0
    pads = [
        data.draw(st.integers(least, 2 if mode != "reflect" else size - 1)) for size in shape * 2
    ]
    if opset < 11:
        model = one_node("Pad", shape, opset=opset, mode=mode, pads=pads, value=1.5)
    else:
        fill = np.array(1.5, np.float32)
        model = one_node("Pad", shape, np.array(pads), fill, opset=opset, mode=mode)
    check(model, maps(0, shape))


@many
@given(opsets, st.data())
def test_slice(opset: int, data: st.DataObject) -> None:
    shape = (3, 4, 5, 6)
    axes = data.draw(st.lists(st.integers(-4, 3), unique_by=lambda axis: axis % 4, min_size=1))
    bound = st.integers(-8, 8)
    starts = data.draw(st.lists(bound, min_size=len(axes), max_size=len(axes)))
    stops = data.draw(st.lists(bound, min_size=len(axes), max_size=len(axes)))
    if opset < 10:
        axes = [axis % 4 for axis in axes]
        model = one_node("Slice", shape, opset=opset, starts=starts, ends=stops, axes=axes)
    else:
        step = st.sampled_from([-2, -1, 1, 2])
        steps = data.draw(st.lists(step, min_size=len(axes), max_size=len(axes)))
        lists = (np.array(numbers) for numbers in (starts, stops, axes, steps))
        model = one_node("Slice", shape, *lists, opset=opset)
    check(model, maps(0, shape))


@many
@given(opsets, st.none() | st.integers(0, 3))
def test_softmax(opset: int, axis: int | None) -> None:
    shape = (2, 3, 4, 5)
    given_axis = {} if axis is None else {"axis": axis}
    check(one_node("Softmax", shape, opset=opset, **given_axis), maps(0, shape))
