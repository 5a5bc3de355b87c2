"""The networks: shapes and counts as published, and the messages for what cannot be built."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.backends import reference
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.verify import verify
from sightline.models import MODELS
from sightline.models.extractor import gabor_filters
from sightline.models.peers import peer


def graph_of(name: str, **parameters: int) -> Graph:
    return trace(MODELS[name](**parameters)).graph


def banks(graph: Graph) -> list[Conv]:
    return [node.op for node in graph.nodes if isinstance(node.op, Conv)]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_traces_to_a_valid_graph_that_prints_and_parses(name: str) -> None:
    graph = graph_of(name)
    verify(graph)
    assert parse(to_text(graph), constants_of(graph)) == graph
    assert graph == graph_of(name), "a model is the same every time"


@pytest.mark.parametrize("name", MODELS)
def test_the_picture_of_a_model_has_its_planes(name: str) -> None:
    model = trace(MODELS[name]())
    assert model.picture is not None
    assert model.graph.inputs[0].type.shape[1] == model.picture.planes


def test_lenet5_has_the_published_counts() -> None:
    graph = graph_of("lenet5")
    c1, c3, c5 = banks(graph)
    assert (c1.table.pairs, c3.table.pairs, c5.table.pairs) == (6, 60, 1920)
    # 1998: 156 + 1,516 + 48,120 + 10,164 trainable in C1, C3, C5, F6, and 12 + 32 in S2, S4; the
    # radial basis outputs are 850 linear weights here.
    assert graph.total_parameters == 156 + 12 + 1516 + 32 + 48120 + 10164 + 850
    assert graph.total_macs == 6 * 25 * 28**2 + 60 * 25 * 100 + 1920 * 25 + 120 * 84 + 84 * 10


def test_torch7_has_the_tutorials_shapes() -> None:
    graph = graph_of("torch7", classes=7)
    assert [bank.table.pairs for bank in banks(graph)] == [16, 1024]
    assert [node.type.shape for node in graph.operations if node.op.kind == "lp_pool"] == [
        (1, 16, 14, 14),
        (1, 256, 5, 5),
    ]
    assert graph[graph.outputs[0].node].type.shape == (1, 7)


def test_extractor_filters_do_not_respond_to_gray() -> None:
    filters = gabor_filters(8)
    assert filters.shape == (16, 9, 9)
    assert np.abs(filters.sum(axis=(1, 2))).max() < 1e-6
    flat = np.full((1, 1, 32, 32), 0.4, np.float32)
    features = reference.run(graph_of("extractor", height=32, width=32), image=flat)["features"]
    assert features.shape == (1, 16, 8, 8)
    assert np.abs(features[:, :, 2:-2, 2:-2]).max() < 1e-4


def test_scene_has_the_slides_count() -> None:
    """The rule: filter banks at three scales, padding counted; absent planes, classifier not."""
    graph = graph_of("scene")
    filters = [n for n in graph.operations if isinstance(n.op, Conv) and n.name != "classifier"]
    assert len(filters) == 9
    total = sum(map(graph.macs, filters))
    at_full_size = 49 * (22 * 76800 + 512 * 19200 + 8192 * 4800)
    assert total == 3_269_750_400 == round((1 + 1 / 4 + 1 / 16) * at_full_size)
    third = sum(graph.macs(node) for node in filters if node.name.startswith("features.6"))
    assert round(third / total, 2) == 0.77


@pytest.mark.parametrize(("scales", "channels", "classes"), [(1, 3, 8), (3, 4, 33), (2, 3, 170)])
def test_scene_takes_any_scales_channels_and_classes(
    scales: int, channels: int, classes: int
) -> None:
    graph = graph_of(
        "scene", scales=scales, channels=channels, classes=classes, height=32, width=48
    )
    verify(graph)
    x = np.random.default_rng(0).random((1, channels, 32, 48), np.float32)
    assert reference.run(graph, image=x)["scores"].shape == (1, classes, 8, 12)


@pytest.mark.parametrize(
    ("parameters", "pairs"),
    [
        ({}, 10 + 2 * 6),
        ({"y_maps": 8}, 8 + 2 * 8),
        ({"channels": 4}, 8 + 2 * 4 + 4),
        ({"channels": 4, "y_maps": 5}, 5 + 2 * 6 + 5),
    ],
)
def test_the_first_maps_see_y_or_colour_or_depth(parameters: dict[str, int], pairs: int) -> None:
    graph = graph_of("scene", **parameters)
    assert graph["features.0.weight"].type.shape == (pairs, 7, 7)


def test_scene_shares_its_weights_over_scales() -> None:
    assert graph_of("scene").total_parameters - graph_of("scene", scales=1).total_parameters == (
        2 * 256 * 8
    )


def test_scene_sees_46_pixels() -> None:
    """A pixel of the scores depends on exactly 46x46 pixels of its scale, normalization aside."""
    graph = graph_of("scene", scales=1, height=96, width=96)
    first_bank = next(node for node in graph.operations if node.name == "features.0")
    fed = replace(first_bank, inputs=("image", *first_bank.inputs[1:]))
    nodes = tuple(fed if n is first_bank else n for n in graph.nodes if n.name != "norm")
    cut = Graph(graph.name, nodes, graph.outputs)
    verify(cut)
    rng = np.random.default_rng(0)
    x = rng.random((1, 3, 96, 96), np.float32)
    before = reference.run(cut, image=x)["scores"][0, :, 12, 12]
    for inside, place in ((True, 48 - 21), (False, 48 - 22), (True, 48 + 24), (False, 48 + 25)):
        changed = x.copy()
        changed[:, :, place, 30:70] += 10.0
        after_change = reference.run(cut, image=changed)["scores"][0, :, 12, 12]
        assert np.array_equal(before, after_change) != inside, place


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 1}, r"takes 3 channels \(Y, U, V\) or 4 \(and depth\), not 1"),
        (
            {"height": 241},
            r"^a picture of 320x241 does not divide into 3 scales\. Its sides must be ",
        ),
        ({"scales": 0}, r"^the parameter 'scales' is a whole number of at least 1, found 0\.$"),
        ({"scales": 14}, r"^the scene network has 1 to 13 scales, not 14\.$"),
        ({"height": 0}, r"^the parameter 'height' is a whole number of at least 1, found 0\.$"),
        ({"height": -8}, r"^the parameter 'height' is a whole number of at least 1, found -8\.$"),
        ({"block2": 0}, r"^the parameter 'block2' is a whole number of at least 1, found 0\.$"),
        ({"y_maps": 16}, r"^of the 16 maps of the first layer, 1 to 15 see Y alone, not 16\. "),
        ({"y_maps": 15, "channels": 4}, r"1 to 14 see Y alone, not 15\. The others are for colour"),
        ({"classes": 0}, r"^the parameter 'classes' is a whole number of at least 1, found 0\.$"),
    ],
)
def test_scenes_that_cannot_be_are_refused(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MODELS["scene"](**parameters)


@pytest.mark.parametrize(
    ("name", "parameter"), [("torch7", "classes"), ("extractor", "orientations")]
)
def test_networks_of_nothing_are_refused(name: str, parameter: str) -> None:
    with pytest.raises(
        UserError, match=rf"^the parameter '{parameter}' is a whole number of at le"
    ):
        MODELS[name](**{parameter: 0})


@pytest.mark.parametrize("name", ["lenet5", "torch7", "scene"])
def test_a_seed_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(
        UserError, match=r"a seed is a whole number of at least 0, found -1\.$"
    ) as e:
        MODELS[name](seed=-1)
    assert "test_models.py:" in e.value.where, "the line that gave the seed, none of models/"


@pytest.mark.parametrize(
    ("name", "macs", "maps"),
    [
        ("lenet", 361_600, ["28x28", "14x14", "10x10", "5x5"]),
        ("scene", 32_673_984, ["42x58", "21x29", "15x23", "8x12", "2x6"]),
        ("scenesame", 199_901_184, ["48x64", "24x32", "24x32", "12x16", "12x16"]),
    ],
)
def test_peers_networks_are_those_that_were_measured(name: str, macs: int, maps: list[str]) -> None:
    graph = trace(peer(name)).graph
    assert graph.total_macs == macs
    sizes = [
        "{}x{}".format(*node.type.shape[2:])
        for node in graph.operations
        if node.op.kind in ("conv", "max_pool")
    ]
    assert sizes == maps
