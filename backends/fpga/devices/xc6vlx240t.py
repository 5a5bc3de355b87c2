"""The Virtex-6 of the ML605 board, which the original scene labeling ran on."""

from __future__ import annotations

from sightline.backends.fpga.devices.device import Device

XC6VLX240T = Device(
    name="xc6vlx240t",
    told="Virtex-6 LX240T (ML605)",
    family="xc6v",
    dsp=768,
    bram36=416,
    lut=150_720,
    ff=301_440,
    packed_products=2,
    cascade=4,
    dsp_bits=(25, 18),
    clock_mhz=200,
)
