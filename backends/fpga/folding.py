"""Which engines there are, and how many multipliers each has: the fewest cycles for the money.

Banks of one depth (the same layer at all scales) belong together. An engine takes one depth, or
several neighbouring ones, which it then computes in turns. Its cycles in a frame are

    sum over its banks of: sums of a map * sum over blocks of ceil(maps / lanes) * inputs * folds

For a bound on the cycles of every engine, the cheapest accelerator is found by going through the
depths from the end; the least bound that the budget allows is found by bisection.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, reduce

from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.network import Bank, Layer, Network
from sightline.backends.fpga.program import Array, fewest_sums, widest_block
from sightline.backends.fpga.rows import row_needs
from sightline.hw.cascades import LARGEST_PACKED_WEIGHT
from sightline.hw.requantize import rounding_dsps

MOST_FABRIC_PRODUCTS = 64
"""An array of more products is not made of LUTs."""


Cost = tuple[int, int]


@dataclass(frozen=True)
class Folding:
    """An engine for some banks: its array, what its products are made of, and what that costs."""

    banks: tuple[str, ...]
    array: Array
    kind: str
    cycles: int
    dsps: int

    @property
    def products(self) -> int:
        return self.array.products

    def cost(self, *, by_products: bool) -> Cost:
        """What counts first, and what counts second."""
        return (self.products, self.dsps) if by_products else (self.dsps, self.products)


@dataclass(frozen=True)
class Budget:
    """The most that all engines together may have."""

    products: int | None
    dsps: int

    def allows(self, foldings: tuple[Folding, ...]) -> bool:
        products = sum(folding.products for folding in foldings)
        return sum(folding.dsps for folding in foldings) <= self.dsps and (
            self.products is None or products <= self.products
        )


def by_depth(network: Network) -> list[list[Bank]]:
    """Banks in order, those of one depth together."""
    depths: dict[int, list[Bank]] = {}
    for bank in network.banks:
        depths.setdefault(network.depth(bank), []).append(bank)
    return [depths[depth] for depth in sorted(depths)]


class Foldings:
    """All foldings that make sense for a network on a device."""

    def __init__(self, network: Network, device: Device) -> None:
        self.depths = by_depth(network)
        self.device = device
        self.options = cache(self._options)

    def _options(self, first: int, last: int) -> tuple[Folding, ...]:
        """Arrays for the depths from `first` up to `last`, those that no other beats in all."""
        banks = [bank for depth in self.depths[first:last] for bank in depth]
        kernel = (
            max(bank.layer.kernel[0] for bank in banks),
            max(bank.layer.kernel[1] for bank in banks),
        )
        cells = kernel[0] * kernel[1]
        sizes = {block.maps for bank in banks for block in bank.layer.blocks}
        lanes = sorted({-(-maps // passes) for maps in sizes for passes in range(1, maps + 1)})
        found = [
            self.folding(banks, Array(kernel, taps, count), fabric)
            for taps in sorted({-(-cells // folds) for folds in range(1, cells + 1)})
            for count in lanes
            for fabric in (False, True)
            if not fabric or taps * count <= MOST_FABRIC_PRODUCTS
        ]
        return unbeaten(found)

    def folding(self, banks: list[Bank], array: Array, fabric: bool) -> Folding:
        """The kind of products that suits the numbers, and the DSP blocks they take."""
        data_bits = max(bank.layer.data_bits for bank in banks)
        largest = max(abs(bank.layer.weights.astype(int)).max() for bank in banks)
        packs = (
            self.device.packed_products > 1
            and data_bits == 8
            and largest <= LARGEST_PACKED_WEIGHT
            and array.lanes > 1
        )
        kind = "fabric" if fabric else "packed" if packs else "single"
        lanes = {"fabric": 0, "packed": -(-array.lanes // 2), "single": array.lanes}[kind]
        widest = max(bank.layer.sum_bits for bank in banks)
        rounding = rounding_dsps(widest, 0)  # biases are within the sums
        before = widest_block([bank.layer for bank in banks], array)
        cycles = sum(bank_cycles(bank, array, before) for bank in banks)
        names = tuple(bank.name for bank in banks)
        return Folding(names, array, kind, cycles, array.taps * lanes + rounding)

    def cheapest(
        self, bound: int, engines: int, fabrics: int, *, by_products: bool
    ) -> tuple[Folding, ...] | None:
        """The cheapest engines of at most `bound` cycles, `fabrics` of them at most of LUTs.

        The cost is the products, or the DSP blocks, and of those that are level the other decides.
        """
        count = len(self.depths)

        @cache
        def best(first: int, engines: int, fabrics: int) -> tuple[Cost, tuple[Folding, ...]] | None:
            if first == count:
                return (0, 0), ()
            if not engines:
                return None
            found = None
            for last in range(first + 1, count + 1):
                for option in self.options(first, last):
                    left = fabrics - (option.kind == "fabric")
                    if option.cycles > bound or left < 0:
                        continue
                    rest = best(last, engines - 1, left)
                    if rest is None:
                        continue
                    cost = _sum_of(rest[0], option.cost(by_products=by_products))
                    if found is None or cost < found[0]:
                        found = cost, (option, *rest[1])
            return found

        result = best(0, engines, fabrics)
        return result and result[1]

    def fastest(self, budget: Budget, engines: int) -> tuple[Folding, ...] | None:
        """The engines of the least bound that the budget allows; None if it allows none."""
        return min(
            (found for fabrics in (0, 1) if (found := self._fastest(budget, engines, fabrics))),
            key=slowest,
            default=None,
        )

    def _fastest(self, budget: Budget, engines: int, fabrics: int) -> tuple[Folding, ...] | None:
        count = len(self.depths)
        spans = [(a, b) for a in range(count) for b in range(a + 1, count + 1)]
        bounds = sorted({option.cycles for span in spans for option in self.options(*span)})
        low, high, found = 0, len(bounds), None
        while low < high:
            middle = (low + high) // 2
            allowed = self.within(bounds[middle], budget, engines, fabrics)
            if allowed:
                found, high = allowed, middle
            else:
                low = middle + 1
        return found

    def within(
        self, bound: int, budget: Budget, engines: int, fabrics: int
    ) -> tuple[Folding, ...] | None:
        """Engines of at most `bound` cycles that the budget allows."""
        for by_products in (budget.products is not None, budget.products is None):
            found = self.cheapest(bound, engines, fabrics, by_products=by_products)
            if found and budget.allows(found):
                return found
        return None


def _sum_of(one: Cost, other: Cost) -> Cost:
    return one[0] + other[0], one[1] + other[1]


def cost_of(foldings: tuple[Folding, ...], *, by_products: bool) -> Cost:
    """What all engines cost together."""
    costs = (folding.cost(by_products=by_products) for folding in foldings)
    return reduce(_sum_of, costs)


def slowest(foldings: tuple[Folding, ...]) -> int:
    """The cycles of a frame that the slowest engine takes."""
    return max(folding.cycles for folding in foldings)


def unbeaten(options: list[Folding]) -> tuple[Folding, ...]:
    """Those that no other beats in all, in their order."""
    kept: list[Folding] = []
    for option in sorted(options, key=lambda each: (each.cycles, each.dsps, each.products)):
        if not any(beats(other, option) for other in kept):  # who beats it comes before it
            kept.append(option)
    return tuple(option for option in options if option in kept)


def beats(one: Folding, other: Folding) -> bool:
    """Whether an option is better in something, and worse in nothing; LUTs are not compared."""
    if (one.kind == "fabric") != (other.kind == "fabric"):
        return False
    pairs = ((one.cycles, other.cycles), (one.dsps, other.dsps), (one.products, other.products))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def bank_cycles(bank: Bank, array: Array, before: int) -> int:
    """Cycles of a frame in which an engine issues steps of a bank."""
    last = bank.sums[1] - (bank.columns - 1) * bank.pool_strides[1]
    columns = (bank.columns - 1) * bank.pool[1] + min(bank.pool[1], last)
    rows = sum(need.pool_rows for need in row_needs(bank))
    return rows * columns * sum_cycles(bank.layer, array, fewest_sums(bank), before)


def sum_cycles(layer: Layer, array: Array, sums: int, before: int) -> int:
    """Steps for one sum of each map: what `layer_steps` lists, without the list."""
    folds = len(array.folds(layer.kernel))
    least = -(-widest_block([layer], array) // sums)
    first = max(len(layer.blocks[0].inputs) * folds, least)
    return max(0, -(-before // sums) - first) + sum(
        count * -(-maps // array.lanes) * max(inputs * folds, least)
        for (maps, inputs), count in shapes_of(layer).items()
    )


@cache
def shapes_of(layer: Layer) -> Counter[tuple[int, int]]:
    """How many blocks there are of how many maps that see how many inputs."""
    return Counter((block.maps, len(block.inputs)) for block in layer.blocks)
