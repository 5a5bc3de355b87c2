"""The multiply-accumulate array against NumPy, of all kinds, shapes and patterns of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Value
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw import cascades
from sightline.hw.mac_array import KINDS, MacArray
from tests.support.clocked import Inputs, play_clocked
from tests.support.examples import examples
from tests.support.gateware import to_verilog

SUM_BITS = 48


@dataclass(frozen=True)
class Step:
    """A cycle's inputs; between jobs there are steps that neither begin nor end anything."""

    address: int
    values: tuple[int, ...]
    first: bool
    last: bool


def expected(weights: np.ndarray[Any, Any], steps: Sequence[Step]) -> dict[int, list[int]]:
    """The sums of each step that is a last one, by its number."""
    sums = {}
    total = np.zeros(weights.shape[2], np.int64)
    for number, step in enumerate(steps):
        product = np.asarray(step.values, np.int64) @ weights[step.address].astype(np.int64)
        total = product + (0 if step.first else total)
        if step.last:
            sums[number] = total.tolist()
    return sums


def play(array: MacArray, steps: Sequence[Step], reset_at: int | None = None) -> list[Any]:
    """Whether done, and the sums, from the cycle of the first step's data on."""
    lead, idle = array.weight_lead, Step(0, steps[0].values, False, False)
    addresses = [*(step.address for step in steps), *[0] * (lead + array.latency + 3)]
    data = [*[idle] * lead, *steps, *[idle] * (array.latency + 3)]
    inputs: list[Inputs] = [
        {
            "address": address,
            "data": step.values,
            "first": int(step.first),
            "last": int(step.last),
        }
        for address, step in zip(addresses, data, strict=True)
    ]
    lanes = range(array.sums.shape().length)
    seen = play_clocked(
        array,
        inputs,
        lambda get: (get(array.done), [get(array.sums[lane]) for lane in lanes]),
        None if reset_at is None else reset_at + lead,
    )
    return seen[lead:]


def check(array: MacArray, weights: np.ndarray[Any, Any], steps: Sequence[Step]) -> None:
    """Each sum comes with its done, in its cycle, and stays until the next one."""
    want = expected(weights, steps)
    held: list[int] | None = None
    for cycle, (done, sums) in enumerate(play(array, steps)):
        number = cycle - array.latency
        assert done == (number in want)
        held = want.get(number, held)
        assert held is None or sums == held


def random_case(
    kind: str, bits: int, shape: tuple[int, int, int], seed: int, extreme: bool
) -> tuple[np.ndarray[Any, Any], list[Step]]:
    """Weights, and steps in jobs of random lengths with gaps between them."""
    random = np.random.default_rng(seed)
    high = (1 << bits - 1) - 1
    least = -high if kind == "packed" else -high - 1
    if extreme:
        weights = random.choice([least, high], shape)
        values = random.choice([-high - 1, high], (30, shape[1]))
    else:
        weights = random.integers(least, high + 1, shape)
        values = random.integers(-high - 1, high + 1, (30, shape[1]))
    steps: list[Step] = []
    running = False
    for row in values:
        begins = not running and random.random() < 0.6
        ends = (begins or running) and random.random() < 0.4
        address = int(random.integers(shape[0]))
        steps.append(Step(address, tuple(row.tolist()), bool(begins), bool(ends)))
        running = (begins or running) and not ends
    return weights, steps


@examples(40)
@given(
    form=st.sampled_from([("packed", 8), *((k, b) for k in ("single", "fabric") for b in (8, 16))]),
    shape=st.tuples(st.integers(1, 9) | st.just(70), st.integers(1, 11), st.integers(1, 5)),
    chain=st.integers(1, 4),
    seed=st.integers(0, 1 << 16),
    extreme=st.booleans(),
)
def test_sums_are_those_of_numpy(
    form: tuple[str, int], shape: tuple[int, int, int], chain: int, seed: int, extreme: bool
) -> None:
    kind, bits = form
    weights, steps = random_case(kind, bits, shape, seed, extreme)
    check(MacArray(weights, bits, SUM_BITS, kind, chain), weights, steps)


@pytest.mark.parametrize("kind", KINDS)
def test_the_scene_networks_shapes(kind: str) -> None:
    weights, steps = random_case(kind, 8, (3, 25, 2), 1, False)
    check(MacArray(weights, 8, 24, kind), weights, steps)
    if kind == "packed":
        weights, steps = random_case(kind, 8, (2, 49, 7), 2, True)
        array = MacArray(weights, 8, 24, kind)
        assert (array.products, array.dsps) == (343, 49 * 4)
        check(array, weights, steps)


@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize("weight", [-127, 127])
def test_all_at_the_extremes(weight: int, value: int) -> None:
    weights = np.full((1, 8, 3), weight)
    weights[:, :, 1] = -weight
    steps = [Step(0, (value,) * 8, k == 0, k == 8) for k in range(9)]
    check(MacArray(weights, 8, 24, "packed"), weights, steps)


def test_a_reset_drops_what_is_under_way() -> None:
    weights = np.arange(-6, 6).reshape(2, 3, 2)
    steps = [Step(k % 2, (k, -k, 3), True, True) for k in range(20)]
    array = MacArray(weights, 8, 20, "packed")
    want = expected(weights, steps)
    seen = play(array, steps, reset_at=9)
    done = {cycle: sums for cycle, (done, sums) in enumerate(seen) if done}
    before = range(array.latency, 10)
    after = range(10 + array.latency, 20 + array.latency)
    assert list(done) == [*before, *after]
    assert all(sums == want[cycle - array.latency] for cycle, sums in done.items())


def test_a_borrow_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: fields split without giving back what a negative lower one borrowed."""

    def split(m: Module, total: Value, bits: int, tap: int, lanes: range) -> list[Value]:
        return [total[:17].as_signed(), total[17:].as_signed()][: len(lanes)]

    monkeypatch.setattr(cascades, "_split", split)
    monkeypatch.setattr(cascades.Cascades, "latency", property(lambda each: 3 + each.length))
    weights, steps = random_case("packed", 8, (4, 5, 2), 0, False)
    with pytest.raises(AssertionError):
        check(MacArray(weights, 8, 24, "packed"), weights, steps)
    positive = np.abs(weights)
    steps = [Step(s.address, tuple(map(abs, s.values)), s.first, s.last) for s in steps]
    check(MacArray(positive, 8, 24, "packed"), positive, steps)


def test_five_in_a_cascade_overflow_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: cascades one longer than they may be. The extremes reach beyond 17 bits."""
    monkeypatch.setattr("sightline.hw.mac_array.LONGEST_PACKED", 5)
    weights = np.full((1, 5, 2), -127)
    steps = [Step(0, (-128,) * 5, True, True)]
    with pytest.raises(AssertionError):
        check(MacArray(weights, 8, 24, "packed", 5), weights, steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "double"}, "kind is one of packed, single, fabric, not 'double'"),
        ({"data_bits": 12, "kind": "single"}, "data has 8 or 16 bits, not 12"),
        ({"data_bits": 16}, "packed products take data of 8 bits, not 16"),
        ({"chain": 5}, "packed products are added in cascades of at most 4, not 5"),
        ({"chain": 0}, "a cascade has at least 1 block, not 0"),
        ({"sum_bits": 1}, "sums have at least 2 bits, not 1"),
        (
            {"weights": np.full((2, 2, 2), -128)},
            "weights from -128 to -128 are not within -127 to 127",
        ),
        (
            {"weights": np.full((2, 2, 2), 128), "kind": "single"},
            "weights from 128 to 128 are not within -128 to 127",
        ),
        (
            {"weights": np.zeros((2, 2, 0), int)},
            r"weights are integers \[depth, taps, lanes\], each at least 1, not int64 \[2, 2, 0\]",
        ),
        ({"weights": np.zeros((1, 1, 1))}, r".* not float64 \[1, 1, 1\]"),
    ],
)
def test_what_makes_no_sense(change: dict[str, Any], message: str) -> None:
    sense = {"weights": np.ones((2, 2, 2), int), "data_bits": 8, "sum_bits": 20, "kind": "packed"}
    with pytest.raises(ValueError, match=f"^{message}$"):
        MacArray(**{**sense, **change})


def test_the_verilog_is_the_same_each_time() -> None:
    weights, _ = random_case("packed", 8, (70, 5, 3), 0, False)
    first, second = (to_verilog(MacArray(weights, 8, 24, "packed")) for _ in range(2))
    assert first == second
    assert 'rom_style = "block"' in first
