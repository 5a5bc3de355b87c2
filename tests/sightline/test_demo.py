"""The demo, and the picture that it is run on."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sightline.demo import STREET, demo


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_the_demo_draws_features_beside_the_street(target: str, tmp_path: Path) -> None:
    if target == "cpu":
        pytest.importorskip("tvm")
    out = tmp_path / "build" / "demo.png"
    result = CliRunner().invoke(demo, ["-t", target, "-o", str(out)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "all stages" in result.stdout
    with Image.open(out) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] > pixels.shape[0] > 240
    features = pixels[:, pixels.shape[1] // 2 :]
    assert features.max() > 200, "some edges are strong"
    assert np.median(features) < 30, "most of a street is no edge"


def test_the_street_is_what_its_script_draws() -> None:
    drawn = runpy.run_path(str(STREET.with_suffix(".py")))["street"]()
    with Image.open(STREET) as image:
        assert image.size == (320, 240)
        difference = np.asarray(image).astype(int) - np.asarray(drawn)
    assert np.abs(difference).max() <= 2, "rounding of another NumPy or PIL, and no more"
