"""A network that does not fit or is not taken: what is missing, where, and what would do."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.backends.fpga import devices
from sightline.backends.fpga.engines import engine_banks
from sightline.backends.fpga.estimate import engine_label, total
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.resources import TOLD
from sightline.backends.fpga.taken import TAKEN, integers_of, is_known
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.stage import Stage


def size_refusal(network: Network, plan: Plan, fitting: Sequence[str]) -> UserError:
    """The smallest plan that was found takes more than the device has; some options would do."""
    needed, device = total(plan.parts), devices.device(plan.device)
    short = {
        name: getattr(needed, name) / getattr(device, name)
        for name in TOLD
        if getattr(needed, name) > getattr(device, name)
    }
    resource = max(short, key=short.__getitem__)
    largest = max(plan.parts, key=lambda part: float(getattr(part.resources, resource)))
    engine = next((each for each in plan.engines if engine_label(each) == largest.name), None)
    layer = max(engine_banks(network, engine), key=lambda bank: bank.weights) if engine else None
    needs, has = getattr(needed, resource), getattr(device, resource)
    problem = (
        f"the network does not fit {device.told}: it needs {needs:g} {TOLD[resource]}, "
        f"{needs - has:g} more than the {has:g} that there are; the most, "
        f"{getattr(largest.resources, resource):g}, is for "
        + (f"the engine of '{layer.name}'" if layer else f"'{largest.name}'")
    )
    wide = any(engine.data_bits > 8 for engine in plan.engines)
    ways = list(fitting)
    ways += ["the precision int8, which takes about half"] if wide else []
    fix = f"What fits: {' or '.join(ways)}." if ways else "Compile a smaller network, or frame."
    where = layer.where if layer else ""
    return UserError(problem, fix=fix, node=layer.name if layer else "", where=where)


def rate_refusal(network: Network, options: PlanOptions, fastest: Plan) -> UserError:
    """No plan is as fast as was asked for."""
    assert options.fps is not None
    cycles = fastest.prediction.interval
    reached = int(options.clock * 1e7 / cycles) / 10
    megahertz = -(-cycles * options.fps // 1e6)
    slowest = max(network.banks, key=lambda bank: bank.macs)
    most = "" if options.max_multipliers is None else f" and {options.max_multipliers} multipliers"
    asked = int(options.clock * 1e6 / options.fps)
    return UserError(
        f"{options.fps:.12g} frames a second need a frame in {asked:,} cycles of "
        f"{options.clock:g} MHz, but on {options.device}{most} one takes {cycles:,}; "
        f"most of its work is '{slowest.name}'",
        fix=f"What fits: --fps {reached:.12g}, or "
        f"--clock-mhz {megahertz:.12g} if the device allows it.",
        node=slowest.name,
        where=slowest.where,
    )


def stage_refusal(graph: Graph, node: Node) -> UserError:
    """A stage that the accelerator has no hardware for."""
    body = node.op.body.operations if isinstance(node.op, Stage) else ()
    held = ", ".join(each.op.kind for each in body) or node.op.kind
    later = beginnings(graph)
    fix = f"Let the host compute it: begin with --from {','.join(later)}." if later else TAKEN
    return UserError(
        f"the accelerator does not take this stage: {held}",
        fix=fix,
        node=node.name,
        where=node.where,
    )


def beginnings(graph: Graph) -> list[str]:
    """Where it could begin instead: behind the last stages that it does not take."""
    refused = [node for node in graph.operations if not is_known(node)]
    followed: set[str] = set()  # what a refused stage needs
    for node in reversed(graph.operations):
        if node.name in followed or node in refused:
            followed.update(node.inputs)
    last = [node.name for node in refused if node.name not in followed]
    return last if all(integers_of(graph[name].type) for name in last) else []
