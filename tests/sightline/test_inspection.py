"""What `inspect` and `ops` tell, as data."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends import registry
from sightline.inspection import inspect_graph, list_ops
from sightline.ir.build import graph_of_sample
from sightline.ir.errors import UserError
from sightline.ir.op import OPS
from sightline.passes import pipeline
from sightline.source import read
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
    assert row.macs > 0


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
