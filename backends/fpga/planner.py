"""The planner: from a network and a device to the plan of its accelerator.

foldings ─▶ engines ─▶ order of rows ─▶ cycles with room for all ─▶ depths ─▶ cycles again
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from sightline.backends.fpga import devices
from sightline.backends.fpga.arrivals import fast_offers, uniform_offers
from sightline.backends.fpga.engines import engine_banks
from sightline.backends.fpga.estimate import total
from sightline.backends.fpga.fit import fitted
from sightline.backends.fpga.folding import Budget, Folding, Foldings, slowest
from sightline.backends.fpga.network import Bank, Network
from sightline.backends.fpga.order import demand_order
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
from sightline.backends.fpga.timing import Timing, run_plan
from sightline.ir.progress import Report, silent

FRAMES = 4
"""Frames that a plan is tried with: the first ones fill it."""

TRIES = 4
"""How often the interval is taken from the run before, until frames come as they leave."""

SHARES = (1.0, 0.5, 0.25)
"""Parts of the DSP blocks to try: with fewer lanes, weights may fill block RAM better."""

WAITING = 0.005
"""The part of a frame in which engines may wait, when the frame rate is given."""

MOST_AHEAD = 2
"""Rows that may be computed before they are needed."""


def make_plan(network: Network, options: PlanOptions, report: Report = silent) -> Plan:
    """The accelerator of the smallest interval, or latency, that the device and the user allow.

    With a frame rate, it is the smallest accelerator that reaches it.
    """
    device = devices.device(options.device)
    foldings = Foldings(network, device)
    misfits: list[Plan] = []
    for share in SHARES:
        budget = Budget(options.max_multipliers, int(share * device.dsp))
        plan = best_plan(network, options, foldings, budget, report)
        if plan is None:
            break
        plan = fitted(network, plan, device)
        if total(plan.parts).fits(device):
            return plan
        misfits.append(plan)
    if not misfits:
        fastest = dataclasses.replace(options, fps=None)
        budget = Budget(options.max_multipliers, device.dsp)
        best = best_plan(network, fastest, foldings, budget, report)
        raise rate_refusal(network, options, best)
    smaller = {name: _fits(network, options, name, report) for name in devices.DEVICES}
    raise size_refusal(misfits[-1], device, [name for name, fits in smaller.items() if fits])


def _fits(network: Network, options: PlanOptions, name: str, report: Report) -> bool:
    """Whether another device would do."""
    if name == options.device:
        return False
    device = devices.device(name)
    other = dataclasses.replace(options, device=name)
    budget = Budget(options.max_multipliers, device.dsp)
    plan = best_plan(network, other, Foldings(network, device), budget, report)
    return plan is not None and total(fitted(network, plan, device).parts).fits(device)


def best_plan(
    network: Network, options: PlanOptions, foldings: Foldings, budget: Budget, report: Report
) -> Plan | None:
    """The best within a budget of multipliers; None if none is fast enough."""
    choices = list(chosen(foldings, options, budget))
    tries = [(choice, ahead) for choice in choices for ahead in range(MOST_AHEAD + 1)]
    found: list[Plan] = []
    for number, (choice, ahead) in enumerate(tries):
        report("planning", number, len(tries))
        plan = tried(network, options, choice, ahead)
        found += [plan] if plan else []
    report("planning", len(tries), len(tries))
    best = min(found, key=lambda plan: _merit(plan, options), default=None)
    if best is None or _too_slow(best, options):
        return None
    return with_depths(network, best)


def _too_slow(plan: Plan, options: PlanOptions) -> bool:
    return options.fps is not None and plan.prediction.interval > most_cycles(options)


def most_cycles(options: PlanOptions) -> int:
    """The cycles that a frame may take at the rate asked for."""
    assert options.fps is not None
    return int(options.clock * 1e6 / options.fps)


def _merit(plan: Plan, options: PlanOptions) -> tuple[float, ...]:
    """What to make small, the most important first."""
    interval, latency = plan.prediction.interval, plan.prediction.latency
    size = sum(engine.slots for engine in plan.engines)
    if options.fps is not None:
        return _too_slow(plan, options), plan.multipliers, interval, latency, size
    if options.objective == "latency":
        return latency, interval, size
    return interval, latency, size


def chosen(
    foldings: Foldings, options: PlanOptions, budget: Budget
) -> Iterator[tuple[Folding, ...]]:
    """Foldings worth trying: for each number of engines the best."""
    seen = set()
    for engines in range(1, len(foldings.depths) + 1):
        if options.fps is None:
            found = foldings.fastest(budget, engines)
        else:
            bound = int(most_cycles(options) * (1 - WAITING))
            found = foldings.within(bound, budget, engines, 0)
        if found and found not in seen:
            seen.add(found)
            yield found


def tried(
    network: Network, options: PlanOptions, foldings: tuple[Folding, ...], ahead: int
) -> Plan | None:
    """The plan of these engines with room for everything, and the interval that it reaches."""
    order = demand_order(network, ahead)
    engines = tuple(engine_plan(network, folding, order, ahead) for folding in foldings)
    interval = slowest(foldings)
    if options.fps is not None:
        interval = max(interval, most_cycles(options))
    plan = Plan(
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
    try:
        return settled(network, plan)[0]
    except StuckError:
        return None


def settled(network: Network, plan: Plan) -> tuple[Plan, Timing]:
    """The plan with the interval at which frames leave as they come, and how it runs so."""
    for _ in range(TRIES):
        interval = plan.prediction.interval
        fast = plan.objective == "latency"
        offers = fast_offers(network) if fast else uniform_offers(network, interval)
        plan = dataclasses.replace(plan, offers=offers)
        timing = run_plan(network, plan, interval, FRAMES)
        reached = timing.latency if fast else timing.interval
        plan = dataclasses.replace(plan, prediction=Prediction(reached, timing.latency))
        if reached == interval:
            break
    return plan, timing


def with_depths(network: Network, plan: Plan) -> Plan:
    """The plan with each FIFO as deep as it must be for nobody to wait, and no deeper."""
    plan, timing = settled(network, plan)
    sized = tuple(dataclasses.replace(link, depth=timing.held[link.name]) for link in plan.links)
    return settled(network, dataclasses.replace(plan, links=sized))[0]


def engine_plan(network: Network, folding: Folding, order: list[Row], ahead: int) -> EnginePlan:
    banks = [bank for bank in network.banks if bank.name in folding.banks]
    own = any(bank.source in folding.banks for bank in banks)
    return EnginePlan(
        banks[0].layer.name,
        folding.array,
        folding.kind,
        max(bank.layer.data_bits for bank in banks),
        max(slots_of(bank) for bank in banks) + (ahead if own else 0),
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
        banks = engine_banks(network, engine)
        own = {bank.source for bank in banks}
        for bank in banks:
            if bank.name not in own:
                yield Link(bank.name, bank.layer.bits, UNBOUNDED)
