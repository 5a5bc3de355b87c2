"""The planner: from a network and a device to the plan of its accelerator.

foldings ─▶ engines ─▶ order of rows ─▶ cycles with room for all ─▶ depths ─▶ cycles again
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from sightline.backends.fpga import devices
from sightline.backends.fpga.engines import engine_banks, leaving
from sightline.backends.fpga.estimate import total
from sightline.backends.fpga.fit import fitted
from sightline.backends.fpga.folding import Budget, Cost, Folding, Foldings, cost_of, slowest
from sightline.backends.fpga.names import told_apart
from sightline.backends.fpga.network import Bank, Network
from sightline.backends.fpga.order import demand_order
from sightline.backends.fpga.pace import settled, with_depths, with_links
from sightline.backends.fpga.plan import (
    UNBOUNDED,
    EnginePlan,
    Link,
    Plan,
    Prediction,
    Row,
)
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.refusals import rate_refusal, size_refusal
from sightline.backends.fpga.rows import row_needs
from sightline.backends.fpga.schedule import StuckError
from sightline.ir.progress import Report, silent

SHARES = (1.0, 0.75, 0.5, 0.25)
"""Parts of the DSP blocks, or of a frame's cycles, to try: with other arrays than the fastest or
the smallest, weights may fill block RAM better."""

WAITING = 0.005
"""The part of a frame in which engines may wait, when the frame rate is given."""

SLOWED = 2
"""How many times its least cycles a frame may take, to come at the rate that is asked for."""

MOST_AHEAD = 2
"""Rows that may be computed before they are needed."""

Merit = tuple[float, ...]
"""What is to be small in a plan, the most important first."""


def make_plan(network: Network, options: PlanOptions, report: Report = silent) -> Plan:
    """The accelerator of the smallest interval, or latency, that the device and the user allow.

    With a frame rate, it is the smallest accelerator that reaches it: of the fewest DSP blocks, or
    multipliers where the user counts in those.
    """
    misfits: list[Plan] = []
    for plan in plans(network, options, report):
        if fits(plan):
            return plan
        misfits.append(plan)
    if misfits:
        smallest = min(misfits, key=lambda plan: total(plan.parts).bram36)
        raise size_refusal(network, smallest, list(_what_fits(network, options, report)))
    fastest = dataclasses.replace(options, fps=None)
    raise rate_refusal(network, options, next(plans(network, fastest, report)))


def plans(network: Network, options: PlanOptions, report: Report) -> Iterator[Plan]:
    """The best plan, and then others that may take less of what the device is short of."""
    foldings = Foldings(network, devices.device(options.device))
    for share in SHARES:
        found = best_plan(network, options, foldings, share, report)
        if found is None:
            return
        yield found


def fits(plan: Plan) -> bool:
    """Whether its device has all that it is estimated to take."""
    return total(plan.parts).fits(devices.device(plan.device))


def _what_fits(network: Network, options: PlanOptions, report: Report) -> Iterator[str]:
    """Options with which there is a plan: another device, or a lower frame rate."""
    for name in devices.DEVICES:
        other = dataclasses.replace(options, device=name)
        if name != options.device and any(map(fits, plans(network, other, report))):
            yield f"--device {name}"
    if options.fps is None:
        return
    for fps in (share * options.fps for share in SHARES[1:]):
        slower = dataclasses.replace(options, fps=fps)
        if any(map(fits, plans(network, slower, report))):
            yield f"--fps {fps:g}"
            return


def best_plan(
    network: Network, options: PlanOptions, foldings: Foldings, share: float, report: Report
) -> Plan | None:
    """The best with a part of the device, or of the cycles of a frame; None if it is too slow.

    What does not fit with the shortest of FIFOs is told as it is, without looking further.
    """
    found: list[tuple[Merit, Plan]] = []
    choices = sorted(chosen(foldings, options, share), key=lambda each: _promise(each, options))
    tries = [(choice, ahead) for choice in choices for ahead in aheads(network, choice)]
    for number, (choice, ahead) in enumerate(tries):
        report("planning", number, len(tries) + 1)
        promise = _promise(choice, options)
        if found and promise >= found[0][0][: len(promise)]:
            continue
        begun = begin_plan(network, options, choice, ahead)
        least = fitted(network, with_links(begun, dict.fromkeys(_names(begun), 1)), foldings.device)
        if not total(least.parts).fits(foldings.device):
            report("planning", len(tries) + 1, len(tries) + 1)
            return least
        try:
            plan = settled(network, begun, None)[0]
        except StuckError:
            continue
        found.append((_merit(choice, plan, options), plan))
        found.sort(key=lambda each: each[0])
    report("planning", len(tries), len(tries) + 1)
    # Pictures that share a port, which was left out so far, may yet make a plan too slow.
    exact = (with_depths(network, plan) for _, plan in found if not _too_slow(plan, options))
    best = next((plan for plan in exact if not _too_slow(plan, options)), None)
    report("planning", len(tries) + 1, len(tries) + 1)
    return best and fitted(network, best, foldings.device)


def _promise(choice: tuple[Folding, ...], options: PlanOptions) -> Merit:
    """The best that a choice could come to, in what is to be small first."""
    return (slowest(choice),) if options.fps is None else (False, *_size(choice, options))


def _size(choice: tuple[Folding, ...], options: PlanOptions) -> Cost:
    by_products = options.max_multipliers is not None
    return cost_of(choice, by_products=by_products)


def aheads(network: Network, choice: tuple[Folding, ...]) -> range:
    """How far ahead rows may be computed: farther where an engine waits for its own results."""
    own = any(
        bank.source in folding.banks
        for folding in choice
        for bank in network.banks
        if bank.name in folding.banks
    )
    return range(MOST_AHEAD + 1 if own else 1)


def _too_slow(plan: Plan, options: PlanOptions) -> bool:
    return options.fps is not None and plan.prediction.interval > most_cycles(options)


def most_cycles(options: PlanOptions) -> int:
    """The cycles that a frame may take at the rate asked for."""
    assert options.fps is not None
    return int(options.clock * 1e6 / options.fps)


def _merit(choice: tuple[Folding, ...], plan: Plan, options: PlanOptions) -> Merit:
    """What to make small, the most important first."""
    interval, latency = plan.prediction.interval, plan.prediction.latency
    rows = sum(engine.slots for engine in plan.engines)
    if options.fps is not None:
        return _too_slow(plan, options), *_size(choice, options), interval, latency, rows
    if options.objective == "latency":
        return latency, interval, rows
    return interval, latency, rows


def chosen(foldings: Foldings, options: PlanOptions, share: float) -> Iterator[tuple[Folding, ...]]:
    """Foldings worth trying: for each number of engines the best.

    `share` is the part of the device's DSP blocks that they may take; with a frame rate, the part
    of a frame's cycles.
    """
    dsp = foldings.device.dsp
    budget = Budget(options.max_multipliers, dsp if options.fps else int(share * dsp))
    seen = set()
    for engines in range(1, len(foldings.depths) + 1):
        if options.fps is None:
            found = foldings.fastest(budget, engines)
        else:
            cycles = share * most_cycles(options)
            found = foldings.within(int(cycles * (1 - WAITING)), budget, engines, 0)
            found = found or foldings.within(int(cycles), budget, engines, 0)
        if found and found not in seen:
            seen.add(found)
            yield found


def begin_plan(
    network: Network, options: PlanOptions, foldings: tuple[Folding, ...], ahead: int
) -> Plan:
    """The plan of these engines with room for everything, at the interval they could reach."""
    order = demand_order(network, ahead)
    found = [engine_plan(network, folding, order, ahead) for folding in foldings]
    # Engines are named after layers, and several may compute one layer, again and again.
    names = told_apart(engine.name for engine in found)
    engines = tuple(
        dataclasses.replace(engine, name=name) for engine, name in zip(found, names, strict=True)
    )
    interval = slowest(foldings)
    if options.fps is not None:
        interval = max(interval, min(most_cycles(options), SLOWED * interval))
    return Plan(
        options.device,
        options.clock,
        options.objective,
        engines,
        tuple(links(network, engines)),
        (),
        Prediction(interval, 0),
        network.macs,
        (),
    )


def _names(plan: Plan) -> list[str]:
    return [link.name for link in plan.links]


def engine_plan(network: Network, folding: Folding, order: list[Row], ahead: int) -> EnginePlan:
    banks = [bank for bank in network.banks if bank.name in folding.banks]
    own = any(bank.source in folding.banks for bank in banks)
    return EnginePlan(
        banks[0].layer.name,
        folding.array,
        folding.kind,
        max(bank.layer.data_bits for bank in banks),
        max(folding.array.kernel[0], *map(slots_of, banks)) + (ahead if own else 0),
        0,
        folding.banks,
        tuple(row for row in order if row.bank in folding.banks),
    )


def slots_of(bank: Bank) -> int:
    """Rows that a job needs, and those that come meanwhile for the next."""
    needs = row_needs(bank)
    most = max(need.need for need in needs)
    steps = [after.newest - before.newest for before, after in itertools.pairwise(needs)]
    return most + max(steps, default=0)


def links(network: Network, engines: tuple[EnginePlan, ...]) -> Iterator[Link]:
    """A FIFO behind each source, and behind each bank whose results leave their engine."""
    for source in network.sources:
        yield Link(source.name, source.channels * source.bits, UNBOUNDED)
    for engine in engines:
        for bank in leaving(engine_banks(network, engine)):
            yield Link(bank.name, bank.layer.bits, UNBOUNDED)
