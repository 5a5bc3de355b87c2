"""Networks that are large for a device: weights move to LUTs, or the error says what would do."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from sightline.backends.fpga import devices
from sightline.backends.fpga.estimate import total
from sightline.backends.fpga.fit import fitted
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.planner import fits, make_plan
from sightline.frontend import nn
from sightline.frontend.nn import Tensor
from sightline.ir.errors import UserError
from tests.support.accelerators import network_of


class Wide(nn.Network):
    """A small picture, and some layers: 590,000 weights in each, where they have 256 maps."""

    name = "wide"

    def __init__(self, layers: int, maps: int = 256) -> None:
        self.inputs = {"image": (1, 3, 8, 8)}
        with nn.seeded(0):
            self.first = nn.Conv2d(3, maps, 1)
            self.wide = nn.Sequential(*(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(layers)))

    def forward(self, image: Tensor) -> Any:
        return self.wide(self.first(image))


def refusal(network: Network, **options: Any) -> UserError:
    with pytest.raises(UserError, match=r": the network does not fit ") as error:
        make_plan(network, PlanOptions(max_multipliers=64, **options))
    return error.value


def test_what_is_too_large_names_the_resource_the_layer_and_a_device() -> None:
    error = refusal(network_of(Wide(2)), device="xc7z020")
    found = re.fullmatch(
        r"the network does not fit Zynq.*: it needs ([\d.]+) block RAMs of 36 kbit, ([\d.]+) more "
        r"than the 140 that there are; the most, ([\d.]+), is for the engine of 'wide\.0'",
        error.problem,
    )
    assert found
    needs, more, most = map(float, found.groups())
    assert needs - more == 140
    assert 140 < most <= needs
    assert error.fix == "What fits: --device xc6vlx240t."
    assert (error.node, "test_fit.py" in error.where) == ("wide.0", True)


@pytest.mark.parametrize(
    ("precision", "fix"),
    [
        ("int8", "Compile a smaller network, or frame."),
        ("int16", "What fits: the precision int8, which takes about half."),
    ],
)
def test_what_is_too_large_for_all_says_so(
    monkeypatch: pytest.MonkeyPatch, precision: str, fix: str
) -> None:
    small = dataclasses.replace(devices.device("xc6vlx240t"), bram36=1, lut=4000)
    monkeypatch.setattr(devices, "DEVICES", {small.name: small})
    assert refusal(network_of(Wide(1, 24), precision)).fix == fix


def test_what_is_too_large_at_its_rate_names_a_lower_one(monkeypatch: pytest.MonkeyPatch) -> None:
    small = dataclasses.replace(devices.device("xc6vlx240t"), lut=2400)
    monkeypatch.setattr(devices, "DEVICES", {small.name: small})
    network = network_of(Wide(1, 24))
    error = refusal(network, fps=6250.0)
    assert "LUTs" in error.problem
    assert error.fix == "What fits: --fps 4687.5."
    assert fits(make_plan(network, PlanOptions(max_multipliers=64, fps=4687.5)))


def test_weights_move_to_luts_while_block_ram_is_short() -> None:
    network = network_of(Wide(1, 24))  # 24 x 24 steps: more than the 512 of a block RAM
    plan = make_plan(network, PlanOptions(max_multipliers=9))
    device = devices.device(plan.device)
    before = total(plan.parts)
    assert fitted(network, plan, device) == plan
    short = dataclasses.replace(device, bram36=int(before.bram36) - 1)
    moved = fitted(network, plan, short)
    after = total(moved.parts)
    assert after.bram36 <= short.bram36 < before.bram36
    assert before.lut < after.lut <= device.lut
    assert sum(engine.in_luts for engine in moved.engines) > 0
    nothing = dataclasses.replace(device, bram36=0, lut=before.lut)
    assert not total(fitted(network, plan, nothing).parts).fits(nothing)
    assert fits(plan)
