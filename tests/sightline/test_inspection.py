"""What `inspect` and `ops` tell, as data."""

from __future__ import annotations

import numpy as np
import pytest

import sightline
from sightline.backends import registry
from sightline.inspection import InFloat, in_float, inspect_graph, list_ops
from sightline.ir.build import graph_of_sample
from sightline.ir.errors import UserError
from sightline.ir.op import OPS
from sightline.passes import pipeline
from sightline.source import read
from tests.support.integer_layers import frames, integers_of, two_banks, weights
from tests.support.pass_checks import graph_of
from tests.support.small_networks import labeler, two_ends


def test_lenet_counts_are_the_published_ones() -> None:
    """LeNet-5: C1 has 156 parameters, C3 has 1,516 by its table of 60 kernels, C5 48,120."""
    found = inspect_graph(read("models:lenet5").graph)
    rows = {row.name: row for row in found.rows}
    assert {name: rows[name].parameters for name in ("c1", "c3", "c5", "f6")} == {
        "c1": 156,
        "c3": 1516,
        "c5": 48_120,
        "f6": 10_164,
    }
    assert rows["c3"].macs == 60 * 25 * 10 * 10
    assert rows["c3"].type == "f32[1,16,10,10]"
    assert "inputs=[16 lists]" in rows["c3"].attributes
    assert found.macs == sum(row.macs for row in found.rows) == 326_520


def test_of_a_stage_the_ops_are_told() -> None:
    [row] = inspect_graph(graph_of_sample(OPS["stage"].sample(np.random.default_rng(0)))).rows
    assert row.attributes == "integer_conv, requantize, lookup"
    assert row.ops == ("integer_conv", "requantize", "lookup")
    assert (row.element, row.scale, row.zero_point, row.sum_bits) == ("i8", 0.5, 0, 20)
    assert row.macs > 0


STAGES = """
    x = input : f32[1,2,4,4]
    w = const [1, 2, 3, -4] : i8[4,1,1]
    b = const [100, -200] : i9[2]
    m = const [70000] : i32[1,1,1,1]
    s = const [20] : i8[1,1,1,1]
    q = quantize(x, bits=8, scale=0.25) : quant(i8,0x1p-2,0)[1,2,4,4]
    y = stage(q, w, b, m, s) : quant(i16,0x1p-1,0)[1,2,4,4] {
        x0 = input : quant(i8,0x1p-2,0)[1,2,4,4]
        x1 = input : i8[4,1,1]
        x2 = input : i9[2]
        x3 = input : i32[1,1,1,1]
        x4 = input : i8[1,1,1,1]
        a = integer_conv(x0, x1, x2, kernel=[1, 1], maps=[2, 2], bits=12) : i12[1,2,4,4]
        r = requantize(a, x3, x4, bits=16, scale=0.5, low=-9, high=9) : quant(i16,0x1p-1,0)[1,2,4,4]
        return y=r
    }
    z = stage(y, w, b, m, s) : quant(i16,0x1p-1,0)[1,2,4,4] {
        x0 = input : quant(i16,0x1p-1,0)[1,2,4,4]
        x1 = input : i8[4,1,1]
        x2 = input : i9[2]
        x3 = input : i32[1,1,1,1]
        x4 = input : i8[1,1,1,1]
        a = integer_conv(x0, x1, x2, kernel=[1, 1], maps=[2, 2], bits=20) : i20[1,2,4,4]
        r = requantize(a, x3, x4, bits=16, scale=0.5, low=-9, high=9) : quant(i16,0x1p-1,0)[1,2,4,4]
        return y=r
    }
    d = dequantize(z, bits=16, scale=0.5) : f32[1,2,4,4]
    p = softmax(d, axis=1) : f32[1,2,4,4]
    return y=p
"""


def test_bytes_are_whole_for_each_element_and_shared_constants_count_once() -> None:
    found = inspect_graph(graph_of(STAGES))
    rows = {row.name: row for row in found.rows}
    constants = 4 * 1 + 2 * 2 + 4 + 1  # weights, biases of 9 bits, multiplier, shift
    assert found.constant_bytes == rows["y"].constant_bytes == rows["z"].constant_bytes == constants
    assert [rows[name].result_bytes for name in ("q", "y", "z", "d")] == [32, 64, 64, 128]
    assert [row.sum_bits for row in found.rows] == [0, 12, 20, 0, 0]
    assert [row.macs for row in found.rows] == [0, 64, 64, 0, 0]
    assert found.stages == 2


def test_what_is_in_float_beside_stages_is_told() -> None:
    """Conversions and movement compute nothing."""
    assert inspect_graph(graph_of(STAGES)).in_float == (InFloat("p", "softmax"),)
    assert inspect_graph(labeler().graph).in_float is None
    assert [each.op for each in in_float(two_ends().graph)] == [
        "add",
        "relu",
        "arg_max",
        "global_average_pool",
    ]
    moved = """
        x = input : f32[1,2,4,4]
        f = flatten(x, axis=1) : f32[1,32]
        t = transpose(f, order=[1, 0]) : f32[32,1]
        return y=t
    """
    assert in_float(graph_of(moved)) == ()


def test_of_what_the_user_wants_in_float_the_name_is_the_users() -> None:
    model = sightline.quantize(two_banks(weights()), frames(), ["int8", "act=float"])
    assert inspect_graph(integers_of(model)).in_float == (InFloat("act", "tanh"),)


def test_shared_weights_count_once_in_the_total() -> None:
    found = inspect_graph(read("models:scene,height=48,width=64").graph)
    thirds = [row for row in found.rows if row.instance == "features.6"]
    assert len(thirds) == 3
    assert len({row.parameters for row in thirds}) == 1
    shared = sum(row.parameters for row in found.rows) - found.parameters
    layers = {row.instance: row.parameters for row in found.rows if row.op == "conv"}
    assert shared == 2 * (sum(layers.values()) - layers["classifier"])


def test_the_border_counts_whole() -> None:
    (row,) = inspect_graph(labeler().graph).rows
    assert row.macs == 3 * 3 * 9 * 4 * 6
    assert row.parameters == 3 * 3 * 9 + 3


def test_interface_and_json_form() -> None:
    found = inspect_graph(two_ends().graph).to_dict()
    assert found["inputs"] == {"a": "f32[1,2,3,4]", "b": "f32[1,2,3,4]"}
    assert found["outputs"] == {
        "sum": "f32[1,2,3,4]",
        "labels": "i32[1,3,4]",
        "mean": "f32[1,2,1,1]",
    }
    assert [row["op"] for row in found["rows"]] == ["add", "relu", "arg_max", "global_average_pool"]


def test_the_optimized_scene_network_has_no_wide_concatenation() -> None:
    graph = read("models:scene,height=48,width=64").graph
    before, after = inspect_graph(graph), inspect_graph(pipeline.run(graph))
    assert after.macs <= before.macs
    assert after.outputs == before.outputs


def test_every_op_says_what_it_means() -> None:
    rows = {row.op: row for row in list_ops()}
    assert set(rows) == set(OPS)
    for row in rows.values():
        assert row.meaning.endswith(".")
        assert len(row.meaning) > 5
        assert set(row.support) == set(registry.TARGETS)
    assert rows["max_pool"].meaning == "y[c, p] = the largest x[c] in the window at p."
    assert {row.support["reference"] for row in rows.values()} == {"yes"}


def test_a_target_without_its_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.target

    def target(name: str) -> object:
        if name == "cpu":
            raise UserError("it needs tvm") from ModuleNotFoundError("tvm")
        return known(name)

    monkeypatch.setattr(registry, "target", target)
    assert {row.support["cpu"] for row in list_ops()} == {"not installed"}
