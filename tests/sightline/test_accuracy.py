"""Signal to noise is that of the formula, and the layer that was spoilt is the one named."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

import sightline
from sightline.accuracy import Accuracy, Ratio, Result, measure, require_original
from sightline.backends.reference import run
from sightline.frontend.model import Model
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.passes import pipeline
from sightline.passes.calibrate import observe
from sightline.passes.precision import Precisions
from sightline.passes.quantize import quantize as quantize_graph
from sightline.passes.quantize.encodings import Encodings, find_encodings
from sightline.passes.quantize.regions import find_regions
from sightline.passes.ranges import MinMax
from tests.support.arrays import f32
from tests.support.integer_layers import accuracy_of, frames, integers_of, two_banks, weights

FRAMES = frames(4)
NET = two_banks(weights(), [0.1, -0.2, 0.3])


def spoilt(*names: str) -> Model:
    """NET at int8 with encodings of these values so coarse that each has some ten integers."""
    graph = pipeline.run(NET, passes=(*pipeline.FLOAT_PASSES, *pipeline.PREPARATION))
    precisions = Precisions.parse("int8")
    regions = find_regions(graph, precisions)
    encodings = find_encodings(graph, regions, observe(graph, FRAMES), MinMax())
    values = dict(encodings.values)
    for name in names:
        old = values[name]
        values[name] = Encoding(old.bits, old.scale * 2 ** (old.bits - 4), old.zero_point)
    return Model(quantize_graph(graph, regions, Encodings(values), precisions), original=graph)


def own(accuracy: Accuracy) -> dict[str, float]:
    return {layer.name: layer.own.decibels for layer in accuracy.layers}


def whole(accuracy: Accuracy) -> dict[str, float]:
    return {layer.name: layer.whole.decibels for layer in accuracy.layers}


def test_a_ratio_is_that_of_powers_over_all_frames() -> None:
    ratio = Ratio()
    ratio.add(f32([3.0, 4.0]), f32([3.0, 4.5]))
    ratio.add(f32([0.0]), f32([0.5]))
    assert ratio.decibels == pytest.approx(10 * math.log10(25 / 0.5))


def test_no_noise_is_infinite_and_noise_without_signal_the_least() -> None:
    ratio = Ratio()
    ratio.add(f32([0.0]), f32([0.0]))
    assert ratio.decibels == math.inf
    ratio.add(f32([0.0]), f32([1.0]))
    assert ratio.decibels == -math.inf


def test_the_ratio_of_an_output_is_that_of_the_formula() -> None:
    model = sightline.quantize(NET, FRAMES)
    found = accuracy_of(model, FRAMES)
    signal = noise = 0.0
    alike = []
    for frame in FRAMES:
        wanted, got = run(NET, x=frame)["y"], run(integers_of(model), x=frame)["y"]
        signal += float(np.square(wanted.astype(float)).sum())
        noise += float(np.square(got.astype(float) - wanted).sum())
        alike.append(wanted.argmax(1) == got.argmax(1))
    assert found.results[0].ratio.decibels == pytest.approx(
        10 * math.log10(signal / noise), abs=0.1
    )
    assert found.results[0].agreement == np.mean(alike)
    assert found.frames == len(FRAMES)


@pytest.mark.parametrize(("name", "layer"), [("bank", "act"), ("act", "act"), ("last", "last")])
def test_the_layer_that_was_spoilt_is_the_one_that_loses_most(name: str, layer: str) -> None:
    """A bank and the table that it indexes are one layer."""
    good, bad = accuracy_of(spoilt(), FRAMES), accuracy_of(spoilt(name), FRAMES)
    assert bad.worst is not None
    assert bad.worst.name == layer
    assert own(good)[layer] > own(bad)[layer] + 10


@pytest.mark.parametrize("name", ["bank", "act"])
def test_what_a_layer_loses_of_its_own_is_not_what_others_lost_before(name: str) -> None:
    good, bad = accuracy_of(spoilt(), FRAMES), accuracy_of(spoilt(name), FRAMES)
    assert own(bad)["last"] == pytest.approx(own(good)["last"], abs=8)
    assert whole(bad)["last"] < min(whole(good)["last"] - 6, own(bad)["last"] - 20)


def test_more_bits_lose_less() -> None:
    ratios = [
        whole(accuracy_of(sightline.quantize(NET, FRAMES, precision), FRAMES))["last"]
        for precision in ("int8", ["int8", "act=int16"], "int16")
    ]
    assert ratios == sorted(ratios)
    assert ratios[2] > ratios[0] + 20


def test_labels_and_largest_scores_are_compared_along_axis_1() -> None:
    scores = f32([[1, 2], [3, 0]]).reshape(1, 2, 2, 1)
    result = Result("scores")
    result.compare(scores, scores[:, ::-1])
    result.compare(scores, scores)
    assert result.agreement == 0.5
    labels = Result("labels")
    labels.compare(np.array([[3, 4]]), np.array([[3, 5]]))
    assert labels.agreement == 0.5
    plain = Result("mean")
    plain.compare(f32([1, 2]), f32([1, 2]))
    assert plain.agreement is None


def test_the_report_is_json_without_infinities() -> None:
    dead = sightline.quantize(two_banks(0 * weights()), FRAMES)
    found = accuracy_of(dead, FRAMES).to_dict()
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert [layer["name"] for layer in found["layers"]] == ["act", "last"]
    assert [layer["bits"] for layer in found["layers"]] == [8, 16]
    assert found["outputs"] == [{"name": "y", "snr_db": None, "argmax_agreement": 1.0}]


def test_no_frames_is_the_users_mistake() -> None:
    model = sightline.quantize(NET, FRAMES)
    with pytest.raises(UserError, match="no frames to compare on"):
        measure(require_original(model), integers_of(model), [])


def test_a_model_without_its_float_network_is_refused() -> None:
    model = dataclasses.replace(sightline.quantize(NET, FRAMES), original=None)
    with pytest.raises(UserError, match="the artifact does not hold the float network"):
        require_original(model)


def test_a_float_model_has_no_layers_that_lose() -> None:
    found = measure(NET, NET, [{"x": FRAMES[0]}])
    assert found.layers == ()
    assert found.worst is None
    assert found.to_dict()["loses_most"] is None
