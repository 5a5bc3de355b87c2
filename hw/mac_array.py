"""The multiply-accumulate array: taps times lanes products in each cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.cascades import LARGEST_PACKED_WEIGHT, LONGEST_PACKED, Cascades
from sightline.hw.delay import delay, delay_control
from sightline.hw.lut_products import LutProducts
from sightline.hw.sum_tree import sum_tree, sum_tree_latency
from sightline.hw.weight_words import Weights, check_weights

KINDS = ("packed", "single", "fabric")
DATA_BITS = (8, 16)

ACCUMULATED = 2
"""Cycles from the sum of a step to the sum of all: the accumulator, and what holds it."""


def mac_latency(weights: Weights, data_bits: int, sum_bits: int, kind: str, chain: int) -> int:
    """Cycles from the data of the last step to its sums."""
    if kind == "fabric":
        return LutProducts(weights, data_bits, sum_bits).latency + ACCUMULATED
    cascades = Cascades(weights, data_bits, chain, kind == "packed")
    return cascades.latency + sum_tree_latency(len(cascades.chains())) + ACCUMULATED


class MacArray(wiring.Component):
    """Sums over steps of weights times data: sums[p] += Σ_t weights[address, t, p] * data[t].

    Steps: the address of a step is given `weight_lead` cycles before its data; `first` and `last`
    come with the data. From first to last, every cycle is a step; both may be high in one.
    Latency: `latency` cycles from the data with `last` to `done` and the complete `sums`, which
    stay until the next `done`. Throughput: one step a cycle. Backpressure: none, it never stalls.
    Reset: clears what is under way of `last`; no `done` comes of steps before a reset.
    Sums wrap at `sum_bits`; that they fit, the caller has proven.

    Kinds of products: "packed" has two lanes of 8-bit products in each DSP block, weights from -127
    to 127; "single" one product in each, of 8 or 16 bits; "fabric" makes them of LUTs. `chain` is
    the longest cascade of DSP blocks, and `in_luts` how many of the last steps have their weights
    in LUTs. `products` are made in each cycle, by `dsps` blocks.
    """

    def __init__(
        self,
        weights: Weights,
        data_bits: int,
        sum_bits: int,
        kind: str,
        chain: int = LONGEST_PACKED,
        in_luts: int = 0,
    ) -> None:
        _check(weights, data_bits, sum_bits, kind, chain)
        depth, taps, lanes = weights.shape
        self.kind = kind
        self.sum_bits = sum_bits
        self.products = taps * lanes
        self._luts = LutProducts(weights, data_bits, sum_bits)
        self._cascades = Cascades(weights, data_bits, chain, kind == "packed", in_luts)
        fabric = kind == "fabric"
        self.latency = mac_latency(weights, data_bits, sum_bits, kind, chain)
        self._sum_latency = self.latency - ACCUMULATED
        self.weight_lead = 1 if fabric else 2
        self.dsps = 0 if fabric else self._cascades.dsps
        super().__init__(
            {
                "address": In(range(depth)),
                "data": In(data.ArrayLayout(Shape(data_bits, signed=True), taps)),
                "first": In(1),
                "last": In(1),
                "sums": Out(data.ArrayLayout(Shape(sum_bits, signed=True), lanes)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first = delay(m, self.first, self._sum_latency, "first")
        last = delay_control(m, self.last, self._sum_latency, "last")
        complete = Signal()
        m.d.sync += [complete.eq(last), self.done.eq(complete)]
        running = [
            self._accumulate(m, first, value, lane) for lane, value in enumerate(self._values(m))
        ]
        held = Signal(Shape(len(Value.cast(self.sums))), reset_less=True)
        with m.If(complete):
            m.d.sync += held.eq(Cat(running))
        m.d.comb += self.sums.eq(held)
        return m

    def _values(self, m: Module) -> list[Value]:
        """For each lane the sum of a step's products."""
        data_word = Value.cast(self.data)
        if self.kind == "fabric":
            return self._luts.build(m, self.address, data_word)
        lanes = self._cascades.build(m, self.address, data_word)
        return [sum_tree(m, values, self.sum_bits, f"tree_{k}") for k, values in enumerate(lanes)]

    def _accumulate(self, m: Module, first: Value, value: Value, lane: int) -> Signal:
        total = Signal(
            Shape(self.sum_bits, signed=True), name=f"accumulator_{lane}", reset_less=True
        )
        m.d.sync += total.eq(Mux(first, 0, total) + value)
        return total


def _check(weights: Weights, data_bits: int, sum_bits: int, kind: str, chain: int) -> None:
    checks = [
        (kind in KINDS, f"kind is one of {', '.join(KINDS)}, not {kind!r}"),
        (data_bits in DATA_BITS, f"data has 8 or 16 bits, not {data_bits}"),
        (
            kind != "packed" or data_bits == 8,
            f"packed products take data of 8 bits, not {data_bits}",
        ),
        (sum_bits >= 2, f"sums have at least 2 bits, not {sum_bits}"),
        (chain >= 1, f"a cascade has at least 1 block, not {chain}"),
        (
            kind != "packed" or chain <= LONGEST_PACKED,
            f"packed products are added in cascades of at most {LONGEST_PACKED}, not {chain}",
        ),
    ]
    for holds, problem in checks:
        if not holds:
            raise ValueError(problem)
    high = (1 << data_bits - 1) - 1
    low = -LARGEST_PACKED_WEIGHT if kind == "packed" else -high - 1
    check_weights(weights, low, high)
