"""Settings of a training: what they refuse, the schedule, and JSON there and back."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.scene.training.settings import Settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "the setting 'batch' is a whole number of at least 1, found 0"),
        ({"batch": 2.0}, "the setting 'batch' is a whole number of at least 1, found 2.0"),
        ({"steps": True}, "the setting 'steps' is a whole number of at least 1, found True"),
        ({"seed": -1}, "the setting 'seed' is a whole number of at least 0, found -1"),
        (
            {"learning_rate": math.inf},
            "'learning_rate' (--rate) is a number from 0 to 1, found inf",
        ),
        ({"learning_rate": -0.1}, "'learning_rate' (--rate) is a number from 0 to 1, found -0.1"),
        ({"learning_rate": 0}, "a learning rate of 0 learns nothing. Try"),
        (
            {"class_balance": math.nan},
            "'class_balance' (--balance) is a number from 0 to 1, found nan",
        ),
        ({"weight_decay": "much"}, "'weight_decay' is a number from 0 to 1, found 'much'"),
        ({"steps": 100}, "100 steps end before the warm-up of 100 does. Train for more"),
        ({"channels": 5}, "takes 3 channels (Y, U, V) or 4 (and depth), not 5"),
        ({"width": 322}, "a picture of 322x240 does not divide into 3 scales"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        Settings(**changes)
    assert message in str(caught.value)


@given(warm_up=st.integers(0, 30), more=st.integers(1, 100))
def test_the_rate_rises_to_the_given_one_and_falls_to_nearly_zero(warm_up: int, more: int) -> None:
    settings = Settings(warm_up=warm_up, steps=warm_up + more, learning_rate=0.5)
    rates = [settings.rate(step) for step in range(settings.steps)]
    assert rates[warm_up] == max(rates) == 0.5
    assert rates[: warm_up + 1] == sorted(rates[: warm_up + 1])
    assert rates[warm_up:] == sorted(rates[warm_up:], reverse=True)
    assert min(rates) > 0
    assert settings.rate(settings.steps) == pytest.approx(0)


def test_settings_are_the_same_from_json() -> None:
    settings = Settings(scales=1, channels=4, height=48, width=64, seed=7, learning_rate=1e-3)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 0.9}, "'momentum' is unknown"),
        ({"steps": 0}, "the setting 'steps' is a whole number of at least 1"),
    ],
)
def test_json_of_other_settings_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Settings.from_json(Settings().to_json() | change)


def test_json_that_lacks_a_setting_or_is_none_is_refused() -> None:
    values = Settings().to_json()
    del values["batch"]
    with pytest.raises(UserError, match="'batch' is missing"):
        Settings.from_json(values)
    with pytest.raises(UserError, match="names and values, not 3"):
        Settings.from_json(3)


def test_the_network_is_the_one_of_the_settings() -> None:
    settings = Settings(scales=1, channels=4, classes=5, height=20, width=28, block2=1, block3=3)
    network = settings.network()
    assert network.inputs == {"image": (1, 4, 20, 28)}
    assert network.classifier.table.maps == 5
    tables = [dict(network.features.parts())[path] for path in ("3", "6")]
    assert [table.table.block for table in tables] == [1, 3]  # type: ignore[attr-defined]
    other = dataclasses.replace(settings, seed=1).network()
    assert (other.classifier.weight != network.classifier.weight).any()
