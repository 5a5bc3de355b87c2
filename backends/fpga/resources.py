"""What parts of a design take of a chip, before there is any gateware.

The formulas count adders and registers as the gateware has them, and what Yosys makes of those was
measured: an adder takes a LUT for each bit, a product in LUTs one for each bit of two digits twice,
a ROM of up to 64 words one for each bit. tests/backends/fpga/test_synthesize.py holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.backends.fpga.devices.device import Device
from sightline.hw.cascades import Cascades
from sightline.hw.lut_products import PAIR_BITS, LutProducts
from sightline.hw.rom import memory_style
from sightline.hw.sum_tree import level_widths, sum_tree_latency

BLOCK_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Width and depth of half a block RAM, or of one of an ECP5."""

TOLD = {
    "dsp": "DSP blocks",
    "bram36": "block RAMs of 36 kbit",
    "lut": "LUTs",
    "ff": "flip-flops",
}
"""The kinds of resources, and what people call them."""

SHORTEST_SHIFT_REGISTER = 3
"""Delays from here on are LUTs, where the chip has shift registers; shorter ones are registers."""


@dataclass(frozen=True)
class Resources:
    """DSP blocks, block RAMs of 36 kbit (halves are there), LUTs and flip-flops."""

    dsp: int = 0
    bram36: float = 0.0
    lut: int = 0
    ff: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.dsp + other.dsp,
            self.bram36 + other.bram36,
            self.lut + other.lut,
            self.ff + other.ff,
        )

    def fits(self, device: Device) -> bool:
        return (
            self.dsp <= device.dsp
            and self.bram36 <= device.bram36
            and self.lut <= device.lut
            and self.ff <= device.ff
        )


def memory_resources(width: int, depth: int, device: Device) -> Resources:
    """A memory read through one register: block RAM in the shape that takes least of it.

    One that `hw.rom` makes of LUTs counts those, and that register.
    """
    if depth < 2:
        return Resources()
    if memory_style(depth) == "distributed":
        inputs = 4 if device.family == "ecp5" else 6
        return Resources(lut=width * max(1, _power_of_two(depth) >> inputs), ff=width)
    halves = min(-(-width // wide) * -(-depth // deep) for wide, deep in BLOCK_SHAPES)
    return Resources(bram36=halves / 2)


def lut_rom_resources(width: int, depth: int, device: Device) -> Resources:
    """Words in LUTs beside others: a LUT for each bit of 64 words (16 in those of 4 inputs)."""
    if not depth:
        return Resources()
    words = 16 if device.family == "ecp5" else 64
    return Resources(lut=width * (-(-depth // words) + 1), ff=width)


def mac_array_resources(
    taps: int,
    lanes: int,
    depth: int,
    kind: str,
    data_bits: int,
    sum_bits: int,
    device: Device,
    in_luts: int = 0,
) -> Resources:
    """A `hw.mac_array.MacArray` with its weights, in cascades as long as the device has them."""
    shape = np.broadcast_to(np.int8(0), (depth, taps, lanes))
    # Where an accumulator begins anew is in the adder's own LUT, but not in an ECP5's.
    luts = 2 if device.family == "ecp5" else 1
    accumulators = Resources(lut=luts * lanes * sum_bits, ff=2 * lanes * sum_bits)
    if kind == "fabric":
        return accumulators + _lut_products(LutProducts(shape, data_bits, sum_bits), device)
    cascades = Cascades(shape, data_bits, device.cascade, kind == "packed", in_luts)
    return accumulators + _cascades(cascades, sum_bits, device)


def _cascades(cascades: Cascades, sum_bits: int, device: Device) -> Resources:
    """Weights, data on its way to each position, and the sums of the cascades added up.

    The second of two weights in a factor is not next to the block's own register, and keeps one in
    fabric. Borrowing is a chain of carries alone. A multiplier without registers and cascade of its
    own has all of them in fabric.
    """
    depth, taps, lanes = cascades.weights.shape
    bits, chains = cascades.data_bits, cascades.chains()
    total = Resources(dsp=cascades.dsps)
    for position in range(cascades.length):
        here = sum(position == at for chain in chains for at, _ in chain)
        width = here * lanes * bits
        total += memory_resources(width, depth - cascades.in_luts, device) + Resources(ff=width)
        total += lut_rom_resources(width, cascades.in_luts, device)
        total += _delay(here * bits + (depth - 1).bit_length(), position, device)
    if cascades.packed:
        second = taps * (lanes // 2) * bits
        registers = 3 if memory_style(depth) == "distributed" else 1
        total += Resources(ff=second) + _merged(second, registers, device)
    widths = [cascades.sum_bits(len(chain)) for chain in chains]
    if device.family == "ecp5":
        products = 2 * bits + 2 * cascades.sum_bits(1)  # weight, factor, product, sum
        total += Resources(ff=taps * (2 * bits + lanes * products))
    fields = sum(widths) if cascades.packed else 0
    tree = _tree(widths, sum_bits, device, 1 if cascades.packed else 0)
    return total + _times(lanes, Resources(ff=fields) + tree)


def _lut_products(products: LutProducts, device: Device) -> Resources:
    """Weights, data in a register, the pairs of digits, and a tree for each pair's place."""
    depth, taps, lanes = products.weights.shape
    width = products.word_bits
    pair = Resources(lut=2 * products.data_bits + PAIR_BITS, ff=products.data_bits + PAIR_BITS)
    term_bits = products.data_bits + PAIR_BITS
    place = _times(taps, pair) + _tree([term_bits] * taps, products.sum_bits, device, 1)
    levels = sum_tree_latency(taps + 1)
    place_bits = min(products.sum_bits, term_bits + levels)
    places = [place_bits] * products.pairs
    lane = _times(products.pairs, place) + _tree(places, products.sum_bits, device, 1)
    lane += Resources(lut=place_bits, ff=2 * place_bits)  # what inverting leaves out
    weights = memory_resources(width, depth, device) + Resources(ff=width)
    return weights + Resources(ff=taps * products.data_bits) + _times(lanes, lane)


def _tree(widths: list[int], bits: int, device: Device, before: int) -> Resources:
    """The adders of a sum tree, a LUT for each bit, and its registers.

    A value that is left over waits in one register after another, with the `before` registers of
    fabric that it comes from.
    """
    total, waits = Resources(), before
    while len(widths) > 1:
        sums = level_widths(widths, bits)
        total += Resources(lut=sum(sums[: len(widths) // 2]), ff=sum(sums))
        if len(widths) % 2:
            waits += 1
        else:
            total += _merged(widths[-1], waits, device)
            waits = 1
        widths = sums
    return total


def _delay(width: int, cycles: int, device: Device) -> Resources:
    return Resources(ff=width * cycles) + _merged(width, cycles, device)


def _merged(width: int, cycles: int, device: Device) -> Resources:
    """What changes where registers in a row become a shift register in LUTs."""
    if cycles < SHORTEST_SHIFT_REGISTER or device.family == "ecp5":
        return Resources()
    return Resources(lut=width, ff=-width * cycles)


def _times(count: int, part: Resources) -> Resources:
    return Resources(count * part.dsp, count * part.bram36, count * part.lut, count * part.ff)


def _power_of_two(count: int) -> int:
    """The smallest that is not below."""
    power: int = 1 << (count - 1).bit_length()
    return power
