"""The order in which nodes can be read: each after what it reads. Faulty wiring is named here."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from onnx import NodeProto

from sightline.ir.errors import UserError


def describe(node: NodeProto) -> str:
    """`node 'conv1' (Conv)`: how an error names a node of the file."""
    return f"node '{label(node)}' ({node.op_type})"


def label(node: NodeProto) -> str:
    """The node's own name, or else that of its first output."""
    return str(node.name or next((name for name in node.output if name), node.op_type))


def in_order(nodes: Sequence[NodeProto], given: set[str], file: str) -> list[NodeProto]:
    """The nodes, each after those it reads, in the order of the file wherever that will do.

    `given` are the values that are there from the start: inputs and initializers.
    """
    producers = _producers(nodes, given, file)
    waits_for: list[set[int]] = []
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        read = {name for name in node.input if name and name not in given}
        for name in sorted(read - producers.keys()):
            raise UserError(
                f"it reads '{name}', which is no input, no initializer, and no output of any node",
                fix="The file lacks a weight or a node: export the model again.",
                where=f"{file}, {describe(node)}",
            )
        waits_for.append({producers[name] for name in read})
        for producer in waits_for[-1]:
            readers[producer].append(index)
    left = [len(producers_of) for producers_of in waits_for]
    ready = [index for index, count in enumerate(left) if not count]
    order: list[NodeProto] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(nodes[index])
        for reader in readers[index]:
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        cycle = _cycle(waits_for, left)
        names = " -> ".join(f"'{label(nodes[index])}'" for index in [*cycle, cycle[0]])
        raise UserError(
            f"the nodes {names} form a cycle: each needs the one before it",
            fix="A network here has no recurrence: unroll it before the export.",
            where=file,
        )
    return order


def _producers(nodes: Sequence[NodeProto], given: set[str], file: str) -> dict[str, int]:
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.output:
            if not name:
                continue
            if name in producers or name in given:
                other = describe(nodes[producers[name]]) if name in producers else "the graph"
                raise UserError(
                    f"it computes '{name}', a value that {other} defines as well",
                    fix="Every value needs a name of its own: export the model again.",
                    where=f"{file}, {describe(node)}",
                )
            producers[name] = index
    return producers


def _cycle(waits_for: list[set[int]], left: list[int]) -> list[int]:
    """Nodes that wait for each other: from any that waits, backwards until one comes again."""
    path = [next(index for index, count in enumerate(left) if count)]
    seen = {path[0]: 0}
    while True:
        before = min(index for index in waits_for[path[-1]] if left[index])
        if before in seen:
            cycle = path[seen[before] :][::-1]
            first = cycle.index(min(cycle))
            return cycle[first:] + cycle[:first]
        seen[before] = len(path)
        path.append(before)
