"""The chips by name."""

from __future__ import annotations

from typing import Any

import pytest

from sightline.backends.fpga.devices import DEVICES, device
from sightline.backends.fpga.resources import Resources
from sightline.ir.errors import UserError


def test_devices_are_found_by_name() -> None:
    assert set(DEVICES) == {"xc6vlx240t", "xc7z020", "ecp5-85f"}
    assert all(device(name).name == name for name in DEVICES)
    virtex = device("xc6vlx240t")
    assert (virtex.dsp, virtex.bram36, virtex.lut, virtex.ff) == (768, 416, 150_720, 301_440)


def test_an_unknown_device_lists_all() -> None:
    message = r"^there is no device 'xc9'\. Choose from xc6vlx240t, xc7z020, ecp5-85f\.$"
    with pytest.raises(UserError, match=message):
        device("xc9")


@pytest.mark.parametrize("too_much", [{"dsp": 1}, {"bram36": 0.5}, {"lut": 1}, {"ff": 1}])
def test_what_fits(too_much: dict[str, Any]) -> None:
    chip = device("xc7z020")
    full = Resources(chip.dsp, chip.bram36, chip.lut, chip.ff)
    assert full.fits(chip)
    assert not (full + Resources(**too_much)).fits(chip)
