"""The weights that come with Sightline, and the parameters that they do not fit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.models import trained
from sightline.models.scene import scene
from sightline.source import read
from tests.support.copies import ROOT

NETWORKS = list(itertools.product((1, 3), (3, 4)))


@pytest.mark.parametrize(("scales", "channels"), NETWORKS)
def test_a_trained_network_has_other_weights_of_the_same_names(scales: int, channels: int) -> None:
    random = scene(scales=scales, channels=channels, height=48, width=64).parameters()
    learned = scene(scales=scales, channels=channels, height=48, width=64, trained=True)
    for name, weights in learned.parameters().items():
        assert weights.shape == random[name].shape
        assert np.isfinite(weights).all()
        assert not np.array_equal(weights, random[name])


def test_every_file_belongs_to_a_network_and_tells_its_command() -> None:
    files = {path.name for path in trained.WEIGHTS.glob("*.npz")}
    colors = {3: "rgb", 4: "rgbd"}
    assert files == {f"scene-{scales}-{colors[channels]}.npz" for scales, channels in NETWORKS}
    told = (ROOT / "models" / "weights" / "README.md").read_text()
    assert all(f"| `{name}` | `sightline scene train " in told for name in files)


def test_it_is_read_by_name() -> None:
    model = read("models:scene,trained=true,scales=1,height=48,width=64")
    assert model.classes[0] == "sky"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"classes": 9}, "has classes=8, not 9. Leave classes out, or train one with"),
        ({"block3": 8}, "has block3=24, not 8"),
        ({"seed": 1}, "has seed=0, not 1"),
        ({"y_maps": 8}, "has y_maps=10, not 8"),
        ({"scales": 2}, "no trained weights 'scene-2-rgb' come with Sightline. There are scene-1-"),
    ],
)
def test_parameters_that_they_do_not_fit(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        scene(**parameters, trained=True)
