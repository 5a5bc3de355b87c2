"""The Zynq of many small boards."""

from __future__ import annotations

from sightline.backends.fpga.devices.device import Device

XC7Z020 = Device(
    name="xc7z020",
    told="Zynq-7020",
    family="xc7",
    dsp=220,
    bram36=140,
    lut=53_200,
    ff=106_400,
    packed_products=2,
    cascade=4,
    dsp_bits=(25, 18),
    clock_mhz=150,
)
