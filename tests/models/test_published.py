"""ResNet, MobileNet and U-Net: the published counts, numbers that keep their size, and integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sightline
from sightline.frontend.model import Model
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.normalization import BatchNorm
from sightline.models import MODELS
from sightline.picture import limits
from sightline.simulating import Request, frames_for
from tests.support.examples import TIMES
from tests.support.integer_layers import accuracy_of
from tests.support.onnxruntime import check_export

SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"height": 64, "width": 64, "classes": 10},
    "resnet50": {"height": 64, "width": 64, "classes": 10},
    "mobilenet": {"height": 64, "width": 64, "classes": 10},
    "unet": {"height": 32, "width": 48, "maps": 8},
}

DECIBELS = {"resnet18": 31, "resnet50": 34, "mobilenet": 33, "unet": 33}
"""Signal to noise in int8, 3 below what was measured with random weights."""

BY_NIGHT = pytest.mark.skipif(TIMES == 1, reason="takes long: make nightly does it")


def model_of(name: str, **parameters: Any) -> Model:
    return trace(MODELS[name](**parameters))


def noise(model: Model, count: int = 1) -> list[dict[str, Any]]:
    assert model.picture is not None
    return frames_for(model, Request(frames=count))


@pytest.mark.parametrize(
    ("name", "macs", "parameters", "statistics"),
    [
        ("resnet18", 1_814_073_344, 11_689_512, 4_800),
        ("resnet50", 4_089_184_256, 25_557_032, 26_560),
        ("mobilenet", 568_740_352, 4_231_976, 10_944),
    ],
)
def test_counts_are_the_published_ones(
    name: str, macs: int, parameters: int, statistics: int
) -> None:
    """1.8 G and 11.7 M; 4.1 G, as strides lie in the 3x3 filters, and 25.6 M; 569 M and 4.2 M.

    Means and variances, one each for a map of batch normalization, are counted beside.
    """
    graph = model_of(name).graph
    assert graph.total_macs == macs
    assert graph.total_parameters == parameters + 2 * statistics
    assert graph[graph.outputs[0].node].type.shape == (1, 1000)


def test_unet_takes_what_its_docstring_says() -> None:
    graph = model_of("unet").graph
    assert round(graph.total_macs / 1e9) == 14
    sizes = [n.type.shape[1:] for n in graph.operations if n.op.kind == "concat"]
    assert sizes == [(768, 32, 32), (384, 64, 64), (192, 128, 128), (96, 256, 256)]
    assert graph[graph.outputs[0].node].type.shape == (1, 2, 256, 256)


def test_resnets_shrink_where_they_should() -> None:
    graph = model_of("resnet50").graph
    sums = [n.type.shape[1:] for n in graph.operations if n.op.kind == "add"]
    assert [shape for k, shape in enumerate(sums) if shape not in sums[:k]] == [
        (256, 56, 56),
        (512, 28, 28),
        (1024, 14, 14),
        (2048, 7, 7),
    ]


@pytest.mark.parametrize("name", SMALL)
def test_numbers_keep_their_size_through_the_depth(name: str) -> None:
    model = model_of(name, **SMALL[name])
    (frame,) = noise(model)
    deviations = deviations_of(model.graph, frame, BatchNorm)
    assert len(deviations) > 15
    assert min(deviations) > 0.25
    assert max(deviations) < 2.5


def deviations_of(graph: Graph, frame: dict[str, Any], op: type[Op]) -> list[float]:
    values: dict[str, Any] = {}
    nodes = evaluate(graph, frame, values)
    return [float(values[node.name].std()) for node in nodes if isinstance(node.op, op)]


@pytest.mark.parametrize("name", SMALL)
def test_onnxruntime_agrees(name: str) -> None:
    model = model_of(name, **SMALL[name])
    check_export(model, noise(model)[0])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "unet" else BY_NIGHT) for n in SMALL]
)
def test_integers_are_near_the_floats(name: str) -> None:
    model = model_of(name, **SMALL[name])
    frames = [frame["image"] for frame in noise(model, 4)]
    (result,) = accuracy_of(sightline.quantize(model, frames), frames).results
    assert result.ratio.decibels >= DECIBELS[name]


@BY_NIGHT
@pytest.mark.parametrize("name", SMALL)
def test_the_integers_of_the_cpu_are_those_of_the_reference(name: str) -> None:
    model = model_of(name, **SMALL[name] | {"height": 32, "width": 32})
    frames = noise(model, 2)
    artifact = sightline.compile(sightline.quantize(model, frames), ["cpu", "reference"])
    wanted = artifact.run_all(frames[0], "reference")
    found = artifact.run_all(frames[0], "cpu")
    for label, y in wanted.items():
        np.testing.assert_array_equal(found[label], y)
        assert np.unique(y).size > 8


def test_pictures_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UserError, match=r"^a picture of 48x40 does not divide by 2 as often as U-"):
        MODELS["unet"](height=40, width=48)


@pytest.mark.parametrize("name", SMALL)
def test_networks_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"^the parameter 'classes' is a whole number of at least"):
        MODELS[name](classes=0)


def test_pictures_are_of_the_range_that_the_statistics_are_for() -> None:
    for name in ("mobilenet", "unet"):
        picture = model_of(name, **SMALL[name]).picture
        assert picture is not None
        assert limits(picture) == (-1.0, 1.0)
