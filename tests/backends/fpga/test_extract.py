"""What the accelerator computes of a graph, and what it refuses, by name and place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sightline
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Enlarged, Labels, Sum
from sightline.frontend import nn
from sightline.frontend.nn import Tensor
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.ops.stage import Stage
from tests.support.accelerators import integers
from tests.support.chains import TwoScales


def graph_of(*layers: Any, size: tuple[int, ...] = (3, 12, 16), precision: str = "int8") -> Graph:
    """Layers one after the other, or a function of layers, in integers."""

    class Small(nn.Network):
        name = "small"

        def __init__(self) -> None:
            self.inputs = {"image": (1, *size)}
            with nn.seeded(0):
                self.layers = nn.Sequential(*(make() for make in layers))

        def forward(self, image: Tensor) -> Any:
            return self.layers(image)

    return integers(Small(), precision).graph


def frames_like(network: Any) -> Any:
    shape = network.inputs["image"]
    return np.random.default_rng(0).uniform(-1, 1, (4, *shape[1:])).astype(np.float32)


def bank(**options: Any) -> Any:
    return lambda: nn.Conv2d(3, 4, 3, **options)


def test_a_bank_is_what_the_graph_says() -> None:
    network = extract(
        graph_of(
            lambda: nn.Conv2d(3, 4, (3, 5), stride=(2, 1), padding=(1, 2, 0, 1), groups=1),
            lambda: nn.MaxPool2d((2, 3), (2, 3), padding=(0, 0, 1, 2)),
            nn.Tanh,
        )
    )
    (source,), (made,) = network.sources, network.banks
    assert (source.name, source.channels, source.height, source.width) == ("image.q", 3, 12, 16)
    layer = made.layer
    assert (layer.kernel, layer.strides, layer.maps, layer.planes) == ((3, 5), (2, 1), 4, 12)
    assert (layer.data_bits, layer.weight_bits, layer.bits) == (8, 8, 16)
    assert layer.table is not None
    assert (made.pads, made.sums, made.pool, made.pool_strides) == ((1, 2), (6, 15), (2, 3), (2, 3))
    assert (made.rows, made.columns) == (3, 5)
    assert made.where.startswith("tests") or "test_extract.py" in made.where
    assert made.macs == network.macs == 12 * 15 * 6 * 15
    assert network.outputs == (made.name,)


def test_sums_that_no_pool_window_sees_are_not_counted() -> None:
    network = extract(graph_of(bank(), lambda: nn.MaxPool2d(4)))
    assert network.banks[0].sums == (10, 14)
    assert network.macs == 3 * 4 * 9 * 8 * 12


def test_pooling_behind_rounding_is_pooling_before_it() -> None:
    """Pooling that leaves as many pixels stays where it was."""
    graph = graph_of(bank(), lambda: nn.MaxPool2d(2, 1, padding=(0, 0, 1, 1)), nn.Tanh)
    (stage,) = (node.op for node in graph.operations if isinstance(node.op, Stage))
    kinds = [node.op.kind for node in stage.body.operations]
    assert kinds == ["integer_conv", "requantize", "max_pool", "lookup"]
    (made,) = extract(graph).banks
    assert (made.sums, made.pool, made.pool_strides) == ((10, 14), (2, 2), (1, 1))


def test_a_fully_connected_layer_is_a_bank() -> None:
    network = extract(graph_of(bank(), nn.ReLU, nn.Flatten, lambda: nn.Linear(4 * 10 * 14, 5)))
    first, last = network.banks
    assert (last.layer.kernel, last.rows, last.columns) == ((10, 14), 1, 1)
    assert last.source == first.name
    assert network.shape(network.outputs[0]).maps == 5


def test_scales_share_their_layers() -> None:
    network = extract(integers(TwoScales(labels=True)).graph)
    layers = [bank.layer for bank in network.banks]
    assert len(network.banks) == 6
    assert layers[0] is layers[2]
    assert layers[1] is layers[3]
    assert layers[4] is not layers[5]
    assert [network.depth(each) for each in network.banks].count(2) == 2
    kinds = [type(each) for each in network.followers]
    assert sorted(kinds, key=str) == [Enlarged, Labels, Sum]
    labels = network.shape(network.outputs[0])
    assert (labels.maps, labels.rows, labels.columns, labels.bits) == (1, 8, 12, 2)
    scores = next(each for each in network.followers if isinstance(each, Sum))
    assert network.shape(scores.name).bits == 16
    order = [*(s.name for s in network.sources), *network.by_name]
    for each in network.banks:
        assert order.index(each.source) < order.index(each.name)


def test_int16_is_wider() -> None:
    (made,) = extract(graph_of(bank(), precision="int16")).banks
    assert (made.layer.data_bits, made.layer.weight_bits) == (16, 16)


def test_a_network_is_cut_where_the_user_says() -> None:
    graph = integers(TwoScales(normalized=True)).graph
    with pytest.raises(UserError, match="does not take this stage: ") as error:
        extract(graph)
    assert error.value.fix == "Let the host compute it: begin with --from norm,norm_1."
    assert "chains.py" in error.value.where
    together, apart = extract(graph, ["norm,norm_1"]), extract(graph, ["norm", "norm_1"])
    assert [(s.name, s.height) for s in together.sources] == [("norm", 16), ("norm_1", 8)]
    assert len(together.banks) == 6
    assert list(together.by_name) == list(apart.by_name)


def test_what_begins_with_a_nonlinearity_begins_behind_it() -> None:
    graph = graph_of(nn.Tanh, bank())
    with pytest.raises(
        UserError, match=r"cannot begin at 'image\.q', which is quant\(i10"
    ) as error:
        extract(graph)
    later = error.value.fix.removeprefix("Begin with --from ").removesuffix(".")
    assert [source.name for source in extract(graph, [later]).sources] == [later]


def test_a_layer_left_in_float_is_told() -> None:
    class Half(nn.Network):
        name = "half"

        def __init__(self) -> None:
            self.inputs = {"image": (1, 3, 8, 8)}
            self.first, self.second = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 1)

        def forward(self, image: Tensor) -> Any:
            return self.second(self.first(image))

    model = sightline.quantize(Half(), frames_like(Half()), ["int8", "first=float"])
    with pytest.raises(UserError, match=r"computes conv of f32\S+ in float") as error:
        extract(sightline.compile(model, "reference").graph)
    assert error.value.fix == "Let it be quantized too, or begin behind it, with --from."


def test_to_begin_nowhere_is_refused() -> None:
    with pytest.raises(UserError, match=r"^the accelerator is to begin at no value\. Name one"):
        extract(graph_of(bank()), [","])


def test_float_is_refused() -> None:
    graph = trace(nn.Conv2d(3, 4, 3), {"x": (1, 3, 8, 8)}).graph
    with pytest.raises(UserError, match=r"computes conv of f32\S+ in float.*--calibrate FRAMES"):
        extract(graph)


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        ("nothing", r"cannot begin at 'nothing': the graph has no such value"),
        ("layers.0.weight", r"takes one picture a frame, \[1,C,H,W\], but"),
        ("image", r"cannot begin at 'image', which is f32\[1,3,12,16\]"),
    ],
)
def test_where_it_cannot_begin(begin: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        extract(graph_of(bank()), [begin])


def test_a_value_that_is_read_twice_is_refused() -> None:
    class Twice(nn.Network):
        name = "twice"

        def __init__(self) -> None:
            self.inputs = {"image": (1, 3, 8, 8)}
            self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)

        def forward(self, image: Tensor) -> Any:
            x = self.first(image)
            return self.second(x), x

    with pytest.raises(UserError, match=r"a value that is read twice, by .* and ") as error:
        extract(integers(Twice()).graph)
    assert error.value.node == "first"
    assert "test_extract.py" in error.value.where


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((bank(dilation=2),), r"does not take the dilation \[2, 2\]\."),
        (
            (bank(), lambda: nn.MaxPool2d(3, 2, padding=1)),
            r"max pooling with padding \[1, 1, 1, 1\] above or to the left\.",
        ),
        (
            (bank(), lambda: nn.MaxPool2d(3, (2, 1), padding=(0, 0, 0, 2))),
            r"max pooling whose last 2 windows of a row are cut short by the map's end\.",
        ),
        ((bank(), lambda: nn.AvgPool2d(2)), r"does not take this stage: .*sum_pool"),
    ],
)
def test_what_has_no_hardware_is_refused_by_name(layers: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        extract(graph_of(*layers))
    assert "test_extract.py" in error.value.where


def enlarged(size: tuple[int, int]) -> Any:
    return lambda: nn.Upsample(size)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            (bank(), enlarged((20, 28)), lambda: nn.Conv2d(4, 4, 3)),
            r"does not take resize_nearest before a filter bank, 'layers\.2': only behind all\.",
        ),
        (
            (enlarged((24, 32)), bank()),
            r"does not take resize_nearest",
        ),
        ((enlarged((24, 32)),), r"compute nothing: no filter bank follows image\.q"),
        ((bank(), enlarged((15, 28))), r"does not take this stage: resize_nearest"),
    ],
)
def test_enlargement_elsewhere_is_refused(layers: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        extract(graph_of(*layers))
    assert "does not take" not in message or error.value.node


def test_values_of_one_name_in_verilog_are_refused() -> None:
    class Clash(nn.Network):
        name = "clash"

        def __init__(self) -> None:
            self.inputs = {"image": (1, 3, 8, 8)}
            self.a, self.a_0 = nn.Sequential(nn.Conv2d(3, 3, 3)), nn.Conv2d(3, 3, 1)

        def forward(self, image: Tensor) -> Any:
            return self.a_0(self.a(image))

    with pytest.raises(UserError, match=r"'a\.0' and 'a_0' of the network would both be .* 'a_0'"):
        extract(integers(Clash()).graph)


@pytest.mark.parametrize(
    ("name", "made"),
    [("a.b/c", "a_b_c"), ("4.x", "v4_x"), ("_x", "v_x"), ("small", "small_"), ("clk", "clk_")],
)
def test_names_that_verilog_takes(name: str, made: str) -> None:
    assert hardware_name(name) == made
