"""Operators and attributes that are not supported: each is refused by its name, with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.frontend.onnx import call
from sightline.ir.types import Array
from tests.support.onnx_models import model_of, node, one_node, refused

IMAGE = (1, 2, 6, 6)


def ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def with_subgraph() -> onnx.ModelProto:
    body = helper.make_graph([node("Relu", "x", "z")], "body", [], [])
    return model_of([node("If", "x", then_branch=body, else_branch=body)], {"x": (1,)})


def of_domain() -> onnx.ModelProto:
    return model_of([node("Conv", "x", domain="com.acme")], {"x": IMAGE})


def conv(**attributes: Any) -> onnx.ModelProto:
    return one_node("Conv", IMAGE, ones(2, 2, 3, 3), **attributes)


def pool(name: str = "MaxPool", **attributes: Any) -> onnx.ModelProto:
    return one_node(name, IMAGE, **{"kernel_shape": [2, 2], **attributes})


def resized(**attributes: Any) -> onnx.ModelProto:
    nothing = np.zeros(0, np.float32)
    sizes = np.array([1, 2, 9, 9])
    return one_node("Resize", IMAGE, nothing, nothing, sizes, opset=19, **attributes)


def normalized(opset: int = 15, variance: float = 1.0, **attributes: Any) -> onnx.ModelProto:
    statistics = (ones(2), ones(2), ones(2), variance * ones(2))
    return one_node("BatchNormalization", IMAGE, *statistics, opset=opset, **attributes)


def computed(op_type: str, position: int, *constants: Array) -> onnx.ModelProto:
    """A node whose operand at that position is computed, where it must be constant."""
    names = [f"c{index}" for index in range(len(constants))]
    operands = ["x", *names]
    operands.insert(position, "late")
    nodes = [node("Relu", "x", "late"), node(op_type, " ".join(operands))]
    return model_of(nodes, {"x": IMAGE}, dict(zip(names, constants, strict=True)))


def reading_output(op_type: str, **attributes: Any) -> onnx.ModelProto:
    nodes = [node(op_type, "x", "a extra", **attributes), node("Identity", "extra")]
    return model_of(nodes, {"x": IMAGE}, opset=13)


def by_reference() -> onnx.ModelProto:
    model = one_node("LeakyRelu", IMAGE, alpha=0.1)
    model.graph.node[0].attribute[0].ref_attr_name = "slope"
    return model


INT = np.array([1])
REFUSED = {
    "unknown op": (one_node("Erf", IMAGE), r"the operator Erf is not supported\. Replace it"),
    "no op": (one_node("Konv", IMAGE), r"opset 21 of ONNX has no operator Konv"),
    "too new": (one_node("Mish", IMAGE, opset=9), r"opset 9 of ONNX has no operator Mish"),
    "gone": (one_node("Upsample", IMAGE, INT, opset=10), r"opset 10 of ONNX has no operator Upsa"),
    "domain": (of_domain(), r"the operator Conv is of the domain 'com\.acme', which is not supp"),
    "own domain": (
        model_of([node("Magic", "x", domain="sightline")], {"x": IMAGE}),
        r"Sightline has no operator Magic\. Its own operators are DivisiveNorm, ",
    ),
    "own attribute": (
        model_of([node("PyramidUp", "x", domain="sightline")], {"x": IMAGE}),
        r"PyramidUp lacks its attribute 'size'",
    ),
    "subgraph": (with_subgraph(), r"If holds a subgraph, in its attribute '(then|else)_branch'"),
    "attribute": (conv(padding=3), r"Conv of opset 21 has no attribute 'padding'\. It has auto_pa"),
    "early": (pool(opset=7, ceil_mode=1), r"MaxPool of opset 7 has no attribute 'ceil_mode'"),
    "attribute type": (conv(group=1.0), r"the attribute 'group' must be of type INT, but is of t"),
    "required": (one_node("MaxPool", IMAGE), r"MaxPool lacks its attribute 'kernel_shape'"),
    "inputs": (one_node("Relu", IMAGE, INT), r"Relu has 2 inputs, but takes at most 1"),
    "no inputs": (
        model_of([node("Conv", "x")], {"x": IMAGE}),
        r"Conv has 1 inputs, but takes at l",
    ),
    "left out": (
        model_of([node("Conv", "_ x")], {"x": IMAGE}),
        r"Conv needs its input number 1, left out",
    ),
    "flag": (one_node("ArgMax", IMAGE, keepdims=2), r"the attribute 'keepdims' is 0 or 1, not 2"),
    "late weights": (
        computed("Conv", 1),
        r"the weights of Conv must be a constant, but 'late' is computed when the network runs",
    ),
    "late shape": (computed("Reshape", 1), r"the shape of Reshape must be a constant, but 'late'"),
    "double weights": (
        one_node("Conv", IMAGE, np.ones((2, 2, 3, 3))),
        r"the weights of Conv must be in float32, but is in float64",
    ),
    "double": (one_node("Add", IMAGE, np.ones(1)), r"the constant 'c0' is in float64, but networ"),
    "kernel": (conv(kernel_shape=[5, 5]), r"kernel_shape \[5, 5\] differs from that of the weigh"),
    "group": (conv(group=3), r"3 groups do not divide the 2 maps of Conv"),
    "maps": (one_node("Conv", IMAGE, ones(2, 3, 3, 3)), r"the filter bank sees 3 input maps, but"),
    "rank": (
        one_node("Conv", (1, 2, 6), ones(2, 2, 3)),
        r"Conv of kernel \[3\] on an input of shape \[1, 2, 6\] is not supported: it takes two ax",
    ),
    "pads": (conv(pads=[-1, 0, 0, 0]), r"pads \[-1, 0, 0, 0\] has a number below 0"),
    "pads count": (conv(pads=[1, 1]), r"pads \[1, 1\] has 2 numbers, but a window of kernel \[3, "),
    "pads and rule": (conv(pads=[1] * 4, auto_pad="SAME_UPPER"), r"auto_pad is SAME_UPPER, but pa"),
    "rule": (conv(auto_pad="SAME"), r"auto_pad 'SAME' is unknown\. Use NOTSET, VALID"),
    "extent": (conv(dilations=[1 << 40, 1]), r"a number of the window exceeds 1048576: kernel"),
    "indices": (reading_output("MaxPool", kernel_shape=[2, 2]), r"the output 'extra', number 2 of"),
    "mask": (reading_output("Dropout"), r"the output 'extra', number 2 of Dropout, is used, but"),
    "gemm": (one_node("Gemm", (2, 3), ones(3)), r"the weights of Gemm are a matrix, but have sha"),
    "gemm c": (
        one_node("Gemm", (2, 3), ones(3, 4), ones(2, 2, 4)),
        r"the operand C of Gemm, of shape \[2, 2, 4\], does not broadcast to \[2, 4\]",
    ),
    "matmul": (one_node("MatMul", (1, 2, 3), ones(3, 4)), r"MatMul takes two matrices, but got s"),
    "training": (normalized(training_mode=1), r"BatchNormalization is in training mode"),
    "spatial": (normalized(opset=7, spatial=0), r"BatchNormalization with spatial = 0 normalizes"),
    "variance": (normalized(variance=-1.0), r"the variance of BatchNormalization plus its epsilo"),
    "shrink": (one_node("Shrink", IMAGE), r"Shrink with bias 0\.0 and lambd 0\.5 jumps at the th"),
    "div": (one_node("Div", IMAGE, np.zeros(1, np.float32)), r"the divisor of Div holds zeros, o"),
    "bounds": (one_node("Clip", IMAGE, ones(2)), r"the min of Clip must be one number, but is"),
    "broadcast": (one_node("Add", IMAGE, ones(5)), r"shapes \[1, 2, 6, 6\] and \[5\] do not broa"),
    "last": (one_node("ArgMax", IMAGE, select_last_index=1), r"ArgMax with select_last_index = 1"),
    "axis": (one_node("Softmax", IMAGE, axis=4), r"axis 4 lies outside the 4 axes of the operan"),
    "empty": (one_node("Slice", IMAGE, INT, INT, INT), r"the slice of axis 1, of size 2, is empty"),
    "step": (
        one_node("Slice", IMAGE, INT, INT, INT, np.array([0])),
        r"Slice from \[1\] to \[1\] by \[0\] along axes \[1\] does not give one of each",
    ),
    "split": (one_node("Split", IMAGE, np.array([4, 4])), r"Split into \[4, 4\], 1 parts of at l"),
    "wrap": (one_node("Pad", IMAGE, np.ones(8, int), mode="wrap"), r"the pad mode 'wrap' is not s"),
    "reshape": (one_node("Reshape", IMAGE, np.array([5, -1])), r"the shape \[5, -1\] of Reshape d"),
    "squeeze": (one_node("Squeeze", IMAGE, INT), r"Squeeze removes axes \[1\] of \[1, 2, 6, 6\]"),
    "twice": (one_node("Squeeze", IMAGE, np.array([0, -4])), r"the axes \[0, -4\] name one axis t"),
    "gather": (one_node("Gather", IMAGE, np.array([7])), r"indices run from 0 to 0 along axis 0"),
    "cubic": (resized(mode="cubic"), r"Resize in mode 'cubic' is not supported\. Use nearest or"),
    "antialias": (resized(antialias=1), r"Resize with antialias = 1 is not supported"),
    "crop": (
        resized(coordinate_transformation_mode="tf_crop_and_resize"),
        r"the coordinate_transformation_mode 'tf_crop_and_resize' is not supported here\. Use hal",
    ),
    "channels": (
        one_node("Resize", IMAGE, None, ones(4) * 2),
        r"it resizes \[1, 2, 6, 6\] to \[2, 4, 12, 12\], but rows and columns of maps",
    ),
    "cast": (one_node("Cast", IMAGE, to=TensorProto.INT8), r"a cast of f32\[1,2,6,6\] to INT8 is"),
    "cast of constants": (
        model_of([node("Cast", "c", "s", to=8), node("Relu", "x")], {"x": (1,)}, {"c": INT}),
        r"a cast to STRING is not supported",
    ),
    "two values": (
        model_of([node("Constant", "", "s", value_int=1, value_float=1.0)], {"x": (1,)}),
        r"a Constant has one value, but this one has 2",
    ),
    "filled": (
        one_node("ConstantOfShape", (1,), INT, opset=13),
        r"ConstantOfShape has 2 inputs, but takes at most 1",
    ),
    "shape below zero": (
        model_of([node("ConstantOfShape", "c", "y")], {"x": (1,)}, {"c": -INT}),
        r"the constant of shape \[-1\] is malformed, or filled with 1 values",
    ),
    "constants by zero": (
        model_of([node("Div", "c z", "y")], {"x": (1,)}, {"c": INT, "z": 0 * INT}),
        r"a constant is divided by zero",
    ),
    "constants of two types": (
        model_of([node("Add", "c z", "y")], {"x": (1,)}, {"c": INT, "z": ones(1)}),
        r"its constants are of types float32, int64",
    ),
    "own operands": (
        model_of([node("PyramidDown", "x x", domain="sightline")], {"x": IMAGE}),
        r"PyramidDown takes 1 operands, but has 2",
    ),
    "own number": (
        model_of([node("LocalNorm", "x", domain="sightline", size=[3, 3])], {"x": IMAGE}),
        r"LocalNorm lacks its attribute 'floor'",
    ),
    "own precision": (
        model_of(
            [
                node(
                    "TorchDivisiveNorm",
                    "x x",
                    domain="sightline",
                    threshold=numpy_helper.from_array(ones(1)),
                )
            ],
            {"x": IMAGE},
        ),
        r"the attribute 'threshold' is one number in double precision",
    ),
    "split outputs": (
        one_node("Split", IMAGE, num_outputs=2, axis=2),
        r"Split has 1 outputs, but its num_outputs says otherwise",
    ),
    "split rest": (
        model_of([node("Split", "x", "y z", axis=1)], {"x": (1, 3)}, opset=13),
        r"Split of 3 into 2 equal parts leaves a rest",
    ),
    "fill": (
        one_node("Pad", (1,), np.array([1, 1]), ones(2)),
        r"the constant_value of Pad is one number, not 2",
    ),
    "pad count": (
        one_node("Pad", IMAGE, np.array([1, 1])),
        r"Pad has 2 pads, but needs two for each of 4 axes",
    ),
    "negative reflection": (
        one_node("Pad", (4,), np.array([-1, 1]), mode="reflect"),
        r"Pad in mode reflect has a negative pad, -1\. Slice instead",
    ),
    "float indices": (one_node("Gather", (4,), ones(1)), r"the indices of Gather are float32"),
    "float shape": (
        one_node("Reshape", (4,), ones(1)),
        r"the shape of Reshape must be a list of integers, but is float32\[1\]",
    ),
    "upsample": (
        one_node("Upsample", IMAGE, opset=7, scales=[1.0, 1.0, 0.5, 0.5]),
        r"Upsample has scales \[1\.0, 1\.0, 0\.5, 0\.5\], but none may be below 1",
    ),
    "nearest": (resized(nearest_mode="odd"), r"the nearest_mode 'odd' is not supported"),
    "policy": (
        resized(keep_aspect_ratio_policy="odd"),
        r"the keep_aspect_ratio_policy 'odd' is unknown",
    ),
    "policy of scales": (
        one_node("Resize", IMAGE, None, ones(4), keep_aspect_ratio_policy="not_larger"),
        r"the keep_aspect_ratio_policy 'not_larger' needs sizes, not scales",
    ),
    "sizes and scales": (
        one_node("Resize", IMAGE, None, ones(4), np.array([1, 2, 9, 9])),
        r"Resize to sizes \[1, 2, 9, 9\] of 4 axes is malformed, or has scales as well",
    ),
    "scales": (
        one_node("Resize", IMAGE, None, np.array([1, 1, np.inf, 0], np.float32)),
        r"it has scales \[1\.0, 1\.0, inf, 0\.0\], but needs a positive one",
    ),
    "weights of rank 1": (
        one_node("Conv", IMAGE, ones(2)),
        r"the weights of Conv are \[maps, channels / group, kernel\], but have shape \[2\]",
    ),
    "by reference": (
        by_reference(),
        r"the attribute 'alpha' is given twice, or by reference",
    ),
    "strings": (
        model_of([node("Constant", "", "s", value_string="a"), node("Relu", "x")], {"x": IMAGE}),
        r"the attribute 'value_string' of Constant is not supported",
    ),
    "size": (
        model_of(
            [node("ConstantOfShape", "s", "c"), node("Add", "x c")],
            {"x": IMAGE},
            {"s": np.array([1 << 40, 1 << 40])},
        ),
        r"the constants that are computed up to here have \d+ elements, more than the 268435456",
    ),
    "padded size": (
        one_node("Pad", IMAGE, np.array([0, 0, 1 << 40, 0, 0, 0, 0, 0])),
        r"(a value of shape|the result)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_refused_by_name(name: str) -> None:
    model, pattern = REFUSED[name]
    refused(model, rf"^net\.onnx, node '\w+' \(\w+\): {pattern}")


def test_a_bomb_of_constants_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "MAX_ELEMENTS", 1 << 16)
    nodes = [node("ConstantOfShape", "s", "v0")]
    nodes += [node("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(60)]
    model = model_of([*nodes, node("Add", "x v60")], {"x": IMAGE}, {"s": np.array([1 << 10])})
    refused(
        model, r"^net\.onnx, node 'v\d+' \(Concat\): the constants that are computed up to here"
    )
