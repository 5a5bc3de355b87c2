"""What is written as ONNX runs elsewhere with the same results, and is read back as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sightline.ir.ops
from sightline.backends import reference
from sightline.frontend.model import Model, Picture
from sightline.frontend.onnx import read, to_onnx, write
from sightline.frontend.onnx.custom import CUSTOM_OPS
from sightline.frontend.onnx.exports import EXPORTS
from sightline.frontend.onnx.functions import FUNCTIONS
from sightline.ir.build import GraphBuilder, graph_of_sample
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import OPS, Op, Sample
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Abs, Math, Pointwise, Relu, Tanh
from sightline.ir.ops.pooling import AveragePool, LPPool, MaxPool, SumPool
from sightline.ir.ops.resize import COORDINATES, ROUNDINGS, ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, Quant, TensorType
from sightline.ir.window import Window
from tests.support.examples import examples
from tests.support.integer_ops import MADE_BY_PASSES
from tests.support.onnx_models import graph_of
from tests.support.onnxruntime import assert_close, check_export, run_onnx

SEEDS = range(8)


def maps(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check_sample(sample: Sample) -> onnx.ModelProto:
    """The op of the sample, exported, run by onnxruntime, read back and evaluated."""
    graph = graph_of_sample(sample)
    inputs = {f"x{index}": array for index, array in enumerate(sample.data)}
    proto = check_export(Model(graph), inputs)
    again = reference.run(graph_of(proto), **inputs)
    assert_close(again["y"], reference.run(graph, **inputs)["y"], 1e-6)
    return proto


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [kind for kind in OPS if kind not in MADE_BY_PASSES])
def test_every_op(kind: str, seed: int) -> None:
    check_sample(OPS[kind].sample(np.random.default_rng(seed)))


def test_every_op_has_one_way_out() -> None:
    assert sightline.ir.ops
    by_formula = {op for op in OPS.values() if issubclass(op, Pointwise)}
    integers = {OPS[kind] for kind in MADE_BY_PASSES}
    assert set(OPS.values()) == set(EXPORTS) | set(CUSTOM_OPS.values()) | by_formula | integers
    assert not integers & (set(EXPORTS) | set(CUSTOM_OPS.values()) | by_formula)
    assert set(EXPORTS) & set(CUSTOM_OPS.values()) == {LPPool}  # of odd powers or pads
    assert CUSTOM_OPS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", list(CUSTOM_OPS))
def test_our_own_ops_come_back_as_they_were(name: str, seed: int) -> None:
    sample = CUSTOM_OPS[name].sample(np.random.default_rng(seed))
    graph = graph_of_sample(sample)
    assert graph_of(to_onnx(Model(graph))) == graph


@pytest.mark.parametrize("name", ["DivisiveNorm", "LocalNorm", "SubtractiveNorm"])
def test_a_huge_pixel_is_seen_by_its_neighbours_alone(name: str) -> None:
    sample = CUSTOM_OPS[name].sample(np.random.default_rng(0))
    (x,) = sample.data
    x[0, 0, 0, 0] = 1e12
    graph = graph_of_sample(sample)
    found = run_onnx(to_onnx(Model(graph)), {"x0": x})["y"]
    expected = reference.run(graph, x0=x)["y"]
    assert_close(found[:, :, 4:, 4:], expected[:, :, 4:, 4:])


@dataclass(frozen=True)
class Hump(Pointwise):
    """Uses all that a formula may: y = tanh, sqrt, exp and the rest, joined at 0 and 1."""

    height: float = 1.5
    kind: ClassVar[str] = "hump"

    def formula(self, m: Math, x: Any) -> Any:
        left = self.height - m.exp(-m.absolute(x)) / 2.0 + (1.0 - x) * 0.25
        right = -m.sqrt(m.maximum(x, 0.0)) + m.minimum(x, 2.0) / (m.tanh(x) + 3.0)
        inner = m.where(x <= 0.0, left, right)
        return m.where(x >= 1.0, 2.0 - inner, m.where(x < -2.0, x - 1.0, inner))


@pytest.mark.parametrize("height", [1.5, 0.1])
def test_a_new_pointwise_op_is_exported_by_its_formula(
    height: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPS, "hump", Hump)
    x = maps((2, 3, 4, 5)) * 3
    graph = graph_of_sample(Sample(Hump(height), (x,)))
    proto = check_export(Model(graph), {"x0": x}, 1e-5)
    assert graph_of(proto) == graph


@dataclass(frozen=True)
class Folded(Pointwise):
    """A formula that decides by its attribute, which a function in ONNX could not."""

    times: float = 2.0
    kind: ClassVar[str] = "folded"

    def formula(self, m: Math, x: Any) -> Any:
        return x if self.times < 1 else m.absolute(x)


@dataclass(frozen=True)
class Counted(Pointwise):
    """An attribute that is no float."""

    times: int = 2
    kind: ClassVar[str] = "counted"

    def formula(self, m: Math, x: Any) -> Any:
        return x * self.times


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (Folded(), r"^a formula cannot branch while it is written as ONNX"),
        (Counted(), r"^Counted\.times is no float: write the op in exports\.EXPORTS$"),
    ],
)
def test_who_adds_an_op_is_told_what_its_export_lacks(op: Op, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        to_onnx(Model(graph_of_sample(Sample(op, (maps((2, 3)),)))))


windows = st.builds(
    Window,
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(0, 4)] * 4),
    st.tuples(*[st.integers(1, 2)] * 2),
)
few = examples(50)


def accept(op: Op, x: Array, *weights: Array) -> None:
    """Check the op's export, unless the op itself refuses such a window."""
    sample = Sample(op, (x,), weights)
    try:
        op.infer(*sample.types)
    except UserError:
        return
    check_sample(sample)


@few
@given(windows, st.sampled_from(["max", "sum", "average", "lp"]), st.data())
def test_windows_of_poolings(window: Window, which: str, data: st.DataObject) -> None:
    x = maps((2, 3, 8, 7))
    if which == "average":
        counted = tuple(data.draw(st.integers(0, pad)) for pad in window.pads)
        accept(AveragePool(window, counted), x)
    else:
        ops: dict[str, Op] = {"max": MaxPool(window), "sum": SumPool(window), "lp": LPPool(window)}
        accept(ops[which], x)


@few
@given(windows, st.sampled_from([1, 2, 4]))
def test_windows_of_filter_banks(window: Window, groups: int) -> None:
    table = Table.grouped(4, 8, groups)
    accept(Conv(window, table), maps((2, 4, 8, 7)), maps((table.pairs, *window.kernel)))


@few
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(COORDINATES),
    st.sampled_from(ROUNDINGS),
    st.none() | st.tuples(*[st.sampled_from([0.3, 0.5, 1.0, 1.3, 2.0])] * 2),
)
def test_resize_whatever_single_precision_makes_of_positions(
    before: tuple[int, int],
    after: tuple[int, int],
    coordinates: str,
    rounding: str,
    scales: tuple[float, float] | None,
) -> None:
    x = maps((1, 2, *before))
    check_sample(Sample(ResizeNearest(after, coordinates, rounding, scales or ()), (x,)))
    check_sample(Sample(ResizeBilinear(after, coordinates, scales or ()), (x,)))


def test_a_dilated_max_pool_may_have_wide_pads() -> None:
    window = Window((2, 3), (1, 1), (1, 3, 1, 4), (1, 2))
    check_sample(Sample(MaxPool(window), (-10 + maps((2, 3, 8, 7)),)))


@pytest.mark.parametrize("scales", [(2.0, 1.5), (0.6, 1.3)])
def test_scales_that_onnx_can_say_are_written_as_scales(scales: tuple[float, float]) -> None:
    x = maps((1, 2, 5, 7))
    size = (int(5 * scales[0]), int(7 * scales[1]))
    for op in (
        ResizeNearest(size, "half_pixel", "floor", scales),
        ResizeBilinear(size, scales=scales),
    ):
        (node,) = check_sample(Sample(op, (x,))).graph.node
        assert node.op_type == "Resize"


def test_powers_that_are_no_whole_numbers_neither_overflow_nor_vanish() -> None:
    op = LPPool(Window((2, 2)), 2.5)
    for size in (1e-30, 1.0, 1e30):
        x = maps((1, 2, 4, 4)) * np.float32(size)
        graph = graph_of_sample(Sample(op, (x,)))
        assert graph_of(check_export(Model(graph), {"x0": x})) == graph


def test_a_table_never_multiplies_absent_planes() -> None:
    table = Table(4, 6, 2, ((0, 1), (2, 3), (0, 1, 3)))
    op = Conv(Window((3, 3)), table)
    weights, bias = maps((table.pairs, 3, 3)), maps((6,))
    proto = check_sample(Sample(op, (maps((1, 4, 6, 6)),), (weights, bias)))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds == ["Gather", "Conv", "Gather", "Conv", "Concat"]
    held = sum(np.prod(t.dims) for t in proto.graph.initializer if len(t.dims) == 4)
    assert held == weights.size


def test_a_dense_export_equals_the_split_one() -> None:
    """Its filter banks are one each, with zeros for absent planes; groups stay groups."""
    table = Table(4, 7, 2, ((0, 1), (2, 3), (0, 1, 3), (2,)))
    builder = GraphBuilder("banks")
    x = builder.input("x", TensorType((1, 4, 6, 6)))
    weights = builder.constant(maps((table.pairs, 3, 3)), "w")
    first = builder.add(Conv(Window((3, 3)), table), x, weights, builder.constant(maps((7,)), "b"))
    groups = Table.grouped(7, 7, 7)
    depthwise = builder.constant(maps((groups.pairs, 3, 3), 1), "d")
    builder.output(builder.add(Conv(Window((3, 3)), groups), first, depthwise), "y")
    model = Model(builder.finish())
    inputs = {"x": maps((1, 4, 6, 6))}
    dense = to_onnx(model, dense=True)
    assert [node.op_type for node in dense.graph.node] == ["Conv", "Conv"]
    assert [list(t.dims) for t in dense.graph.initializer if len(t.dims) == 4] == [
        [7, 4, 3, 3],
        [7, 1, 3, 3],
    ]
    assert_close(run_onnx(dense, inputs)["y"], run_onnx(to_onnx(model), inputs)["y"], 1e-6)
    again = reference.run(graph_of(dense), **inputs)
    assert_close(again["y"], reference.run(model.graph, **inputs)["y"], 1e-6)


def test_local_norm_keeps_its_precision_on_a_large_mean() -> None:
    cls = CUSTOM_OPS["LocalNorm"]
    x = maps((1, 2, 40, 40)) + np.float32(1000)
    op = cls()
    check_export(Model(graph_of_sample(Sample(op, (x,)))), {"x0": x}, 1e-5)


# Names and metadata


def shared_filters() -> Graph:
    """One module applied twice, inputs and a constant as outputs, and labels in others' way."""
    builder = GraphBuilder("twice")
    fine, coarse = (builder.input(n, TensorType((1, 1, 4, 4))) for n in ("fine", "coarse"))
    weights = builder.constant(maps((2, 3, 3)), "c1.weight", "net.c1")
    op = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(1, 2))
    first, second = (
        builder.add(op, x, weights, name="c1", instance="net.c1") for x in (fine, coarse)
    )
    total = builder.add(Add(), first, second, name="total")
    squashed = builder.add(Tanh(), total, name="scores")
    for value, label in (
        (total, "scores"),
        (squashed, "squashed"),
        (squashed, "again"),
        (fine, "fine"),
        (coarse, "same as coarse"),
        (weights, "weights"),
    ):
        builder.output(value, label)
    return builder.finish()


def test_labels_inputs_shared_weights_and_instances_are_kept() -> None:
    graph = shared_filters()
    inputs = {"fine": maps((1, 1, 4, 4)), "coarse": maps((1, 1, 4, 4), 1)}
    proto = check_export(Model(graph), inputs)
    assert [entry.name for entry in proto.graph.input] == ["fine", "coarse"]
    labels = [output.label for output in graph.outputs]
    assert [entry.name for entry in proto.graph.output] == labels
    shapes = [list(t.dims) for t in proto.graph.initializer]
    assert shapes.count([2, 1, 3, 3]) == 1
    again = graph_of(proto)
    assert again.name == "twice"
    assert {"c1", "c1_1", "total", "scores"} <= set(again.by_name)
    assert again["c1"].instance == again["c1_1"].instance == "net.c1"
    assert again["c1"].inputs[1] == again["c1_1"].inputs[1] == "c1.weight"
    assert again["c1.weight"].instance == "net.c1"


def test_an_output_named_as_another_input_is_refused() -> None:
    builder = GraphBuilder("swap")
    a, b = (builder.input(name, TensorType((1, 2))) for name in "ab")
    builder.output(builder.add(Relu(), a, name="r"), "b")
    builder.output(b, "c")
    with pytest.raises(UserError, match=r"^the output 'b' bears the name of an input"):
        to_onnx(Model(builder.finish()))


def tiny() -> Graph:
    builder = GraphBuilder("tiny")
    x = builder.input("x", TensorType((1, 3, 4, 4)))
    builder.output(builder.add(Abs(), x, name="abs"), "y")
    return builder.finish()


def test_picture_and_classes_travel_in_the_metadata(tmp_path: Path) -> None:
    picture = Picture("yuv", 1.0, (0.5, 0.0, 0.0), (0.25,))
    model = Model(tiny(), picture, ("sky", "road", "Straße"))
    write(model, tmp_path / "net.onnx")
    assert read(tmp_path / "net.onnx") == model
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_writing_replaces_a_file_and_leaves_it_if_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    builder = GraphBuilder("quantized")
    x = builder.input("x", TensorType((1, 2), Quant(Int(8), 0.5)))
    builder.output(x, "y")
    with pytest.raises(UserError, match=r"'x' is quant\(.*and ONNX export takes float graphs"):
        write(Model(builder.finish()), path)
    assert path.read_bytes() == b"before"
    write(Model(tiny()), path)
    assert read(path).graph == tiny()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^there is no folder '.*absent'\. Create it first\.$"):
        write(Model(tiny()), tmp_path / "absent" / "net.onnx")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match=r"^cannot write '.*taken'"):
        write(Model(tiny()), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_file_is_what_the_message_is(tmp_path: Path) -> None:
    write(Model(tiny()), tmp_path / "net.onnx")
    x = maps((1, 3, 4, 4))
    assert_close(run_onnx(tmp_path / "net.onnx", {"x": x})["y"], np.abs(x))
