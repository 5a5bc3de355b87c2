"""The largest ECP5: a chip with tools that are open all the way.

Its 208 block RAMs hold 18 kbit each, so two of them count as one. Its multipliers have neither a
pre-adder nor, as Yosys infers them, a way to add to each other.
"""

from __future__ import annotations

from sightline.backends.fpga.devices.device import Device

ECP5_85F = Device(
    name="ecp5-85f",
    told="ECP5 LFE5U-85F",
    family="ecp5",
    dsp=156,
    bram36=104,
    lut=83_640,
    ff=83_640,
    packed_products=1,
    cascade=1,
    dsp_bits=(18, 18),
    clock_mhz=100,
)
