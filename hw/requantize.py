"""Requantization: wide sums to narrow values, exactly as ir/fixed.py has it."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.delay import delay
from sightline.ir.fixed import MAX_SHIFT, MULTIPLIER_BITS

LIMB_BITS = 24
"""What one DSP block of 25 x 18 signed bits takes of an operand, a sign apart."""
LARGEST_BITS = 2 * LIMB_BITS + 1


def rounding_dsps(sum_bits: int, bias_bits: int) -> int:
    """DSP blocks for sums and biases of so many bits: one for each limb of what they come to."""
    return 1 if max(sum_bits, bias_bits) <= LIMB_BITS else 2


def rounding_latency(dsps: int) -> int:
    """Cycles from a sum to its result."""
    return 7 + dsps


class Requantize(wiring.Component):
    """result = floor((value + bias) * multiplier / 2^s + 1/2) + zero_point, within low to high.

    All inputs belong to the value beside them. `shift` is s less the first of `shift_range`.
    Latency: `latency` cycles. Throughput: one value a cycle. Backpressure: none, it never stalls.
    Reset: none, all of it is data. The product is exact: `value + bias` of up to 25 bits takes one
    DSP block, of up to 49 bits two (`dsps`).

    Order of work: add the bias; multiply by limbs; shift right by all but one bit, the larger steps
    first; hold what cannot come back within range; the last bit rounds; zero point; low and high.
    """

    def __init__(
        self, sum_bits: int, bias_bits: int, shift_range: tuple[int, int], bits: int
    ) -> None:
        lowest, highest = shift_range
        if not 1 <= lowest <= highest <= MAX_SHIFT:
            raise ValueError(f"shifts are within 1 and {MAX_SHIFT}, not from {lowest} to {highest}")
        self.biased_bits = max(sum_bits, bias_bits) + 1
        if min(sum_bits, bias_bits) < 1 or self.biased_bits > LARGEST_BITS:
            raise ValueError(
                f"sums and biases have 1 to {LARGEST_BITS - 1} bits, not {sum_bits} and {bias_bits}"
            )
        if bits < 2:
            raise ValueError(f"results have at least 2 bits, not {bits}")
        self.bits = bits
        self.lowest = lowest
        self.shifts = highest - lowest + 1
        self.dsps = rounding_dsps(sum_bits, bias_bits)
        self.latency = rounding_latency(self.dsps)
        narrow = Shape(bits, signed=True)
        super().__init__(
            {
                "value": In(Shape(sum_bits, signed=True)),
                "bias": In(Shape(bias_bits, signed=True)),
                "multiplier": In(MULTIPLIER_BITS),
                "shift": In(range(self.shifts)),
                "zero_point": In(narrow),
                "low": In(narrow),
                "high": In(narrow),
                "result": Out(narrow),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        biased = _register("biased", self.biased_bits)
        m.d.sync += biased.eq(self.value + self.bias)
        product = self._multiply(m, biased, delay(m, self.multiplier, 1, "multiplier"))
        at = 2 + self.dsps  # cycles until the product is there
        doubled = self._shift(m, product, delay(m, self.shift, at, "shift"))
        held = _hold(m, doubled, self.bits + 3)
        rounded = _register("rounded", self.bits + 3)
        zero_point = delay(m, self.zero_point, at + 3, "zero_point")
        m.d.sync += rounded.eq((held + 1 >> 1) + zero_point)
        low = delay(m, self.low, at + 4, "low")
        high = delay(m, self.high, at + 4, "high")
        result = _register("within", self.bits)
        m.d.sync += result.eq(Mux(rounded < low, low, Mux(rounded > high, high, rounded)))
        m.d.comb += self.result.eq(result)
        return m

    def _multiply(self, m: Module, value: Value, multiplier: Value) -> Value:
        """The exact product, two or three cycles later."""
        factor = Cat(multiplier, Const(0, 1)).as_signed()
        if self.dsps == 1:
            return _product(m, value, factor, "product")
        low = _product(m, Cat(value[:LIMB_BITS], Const(0, 1)).as_signed(), factor, "low_product")
        high = _product(m, value[LIMB_BITS:].as_signed(), factor, "high_product")
        upper = _register("upper", self.biased_bits + MULTIPLIER_BITS - LIMB_BITS)
        m.d.sync += upper.eq((low >> LIMB_BITS) + high)
        return Cat(delay(m, low[:LIMB_BITS], 1, "lower"), upper).as_signed()

    def _shift(self, m: Module, product: Value, shift: Value) -> Value:
        """The product times two, shifted: the last bit is left to be rounded."""
        doubled = product >> self.lowest - 1
        fine_bits = len(shift) // 2
        coarse = _register("coarse", len(doubled))
        m.d.sync += coarse.eq(doubled >> Cat(Const(0, fine_bits), shift[fine_bits:]))
        fine = _register("fine", len(doubled))
        m.d.sync += fine.eq(coarse >> delay(m, shift[:fine_bits], 1, "fine_shift"))
        return fine


def _product(m: Module, value: Value, factor: Value, name: str) -> Value:
    """A product in one DSP block: a register after the multiplier, and one at the way out."""
    product = _register(f"{name}_early", len(value) + MULTIPLIER_BITS)
    m.d.sync += product.eq(value * factor)
    return delay(m, product, 1, name)


def _hold(m: Module, value: Value, bits: int) -> Value:
    """Values that do not fit, held at what does, which is beyond any result with its zero point."""
    held = _register("held", bits)
    top = value[bits - 1 :]
    fits = ~top.any() | top.all()
    largest = Const((1 << bits - 1) - 1, bits)
    m.d.sync += held.eq(Mux(fits, value[:bits], largest ^ value[-1].replicate(bits)))
    return held


def _register(name: str, bits: int) -> Signal:
    return Signal(Shape(bits, signed=True), name=name, reset_less=True)
