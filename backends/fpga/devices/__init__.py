"""The chips by name, one a file."""

from __future__ import annotations

from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.devices.ecp5_85f import ECP5_85F
from sightline.backends.fpga.devices.xc6vlx240t import XC6VLX240T
from sightline.backends.fpga.devices.xc7z020 import XC7Z020
from sightline.ir.errors import UserError

DEVICES = {each.name: each for each in (XC6VLX240T, XC7Z020, ECP5_85F)}


def device(name: str) -> Device:
    """The chip of that name, or an error that lists all of them."""
    if name not in DEVICES:
        raise UserError(f"there is no device '{name}'", fix=f"Choose from {', '.join(DEVICES)}.")
    return DEVICES[name]
