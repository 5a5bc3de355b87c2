"""What may be asked of an accelerator, and what makes no sense."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sightline.backends.fpga.plan_options import FpgaOptions, PlanOptions
from sightline.ir.errors import UserError


def test_the_clock_is_the_chips_unless_one_is_named() -> None:
    assert PlanOptions().clock == 200
    assert PlanOptions("xc7z020").clock == 150
    assert PlanOptions("xc7z020", clock_mhz=80.5).clock == 80.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "xc2"}, "there is no device 'xc2'"),
        (
            {"max_multipliers": 0},
            "an accelerator of 0 multipliers is asked for, and 1 is the least",
        ),
        ({"fps": 0.0}, "0 frames a second are asked for. Give a number above 0."),
        ({"fps": float("nan")}, "nan frames a second are asked for"),
        ({"clock_mhz": -100.0}, "-100 MHz are asked for. Give a number above 0."),
        ({"objective": "area"}, "there is no objective 'area'. Choose from interval, latency."),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    for options in (PlanOptions, FpgaOptions):
        with pytest.raises(UserError, match=rf"^{re.escape(message)}"):
            options(**given)
