"""Who reads which value of a network, and what of that the accelerator does not take."""

from __future__ import annotations

from sightline.backends.fpga.network import Bank, Follower, Network, Source, Sum
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph


def operands(value: Source | Bank | Follower) -> tuple[str, ...]:
    """The values that one is made of."""
    match value:
        case Source():
            return ()
        case Sum():
            return value.left, value.right
        case _:
            return (value.source,)


def require_readers(graph: Graph, network: Network) -> None:
    """Refuse values that several read, and what computes before or between filter banks."""
    reads: dict[str, list[str]] = {name: ["the host"] for name in network.outputs}
    for name, value in network.by_name.items():
        for operand in operands(value):
            reads.setdefault(operand, []).append(name)
            _require_order(graph, network.by_name[operand], value)
    for name, readers in reads.items():
        if len(readers) > 1:
            raise _refusal(graph, name, f"a value that is read twice, by {' and '.join(readers)}")


def _require_order(
    graph: Graph, before: Source | Bank | Follower, after: Source | Bank | Follower
) -> None:
    if isinstance(before, Follower) and isinstance(after, Bank):
        problem = f"{_told(graph, before)} before a filter bank, '{after.name}': only behind all"
        raise _refusal(graph, before.name, problem)
    if isinstance(before, Source) and isinstance(after, Follower):
        raise _refusal(graph, after.name, f"{_told(graph, after)} of its input, '{before.name}'")


def _told(graph: Graph, follower: Follower) -> str:
    return "a sum" if isinstance(follower, Sum) else graph[follower.name].op.kind


def _refusal(graph: Graph, name: str, problem: str) -> UserError:
    return UserError(
        f"the accelerator does not take {problem}",
        fix="Begin behind it, with --from, or run the network on another target.",
        node=name,
        where=graph[name].where,
    )
