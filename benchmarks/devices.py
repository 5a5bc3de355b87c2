"""What CUDA devices can do at the most, and the least time that a network takes on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sightline.backends.tvm.fusion import groups
from sightline.ir.graph import Graph


@dataclass(frozen=True)
class Peak:
    """Multiply-adds of a multiprocessor in a cycle by precision, and bytes of memory in a second.

    `megahertz` is the highest clock, where the driver does not tell it.
    """

    multiprocessors: int
    products: dict[str, int]
    bytes_per_second: float
    megahertz: int


HOPPER = {"fp32": 128, "half": 2048, "int8": 4096}
AMPERE = {"fp32": 64, "half": 1024, "int8": 2048}
PEAKS = {
    "NVIDIA H200": Peak(132, HOPPER, 4.8e12, 1980),
    "NVIDIA H100 80GB HBM3": Peak(132, HOPPER, 3.35e12, 1980),
    "NVIDIA H100 PCIe": Peak(114, HOPPER, 2.0e12, 1755),
    "NVIDIA A100-SXM4-80GB": Peak(108, AMPERE, 2.039e12, 1410),
    "NVIDIA A100-SXM4-40GB": Peak(108, AMPERE, 1.555e12, 1410),
}
"""By the names that the driver tells. From NVIDIA's data sheets; products without sparsity."""

STATED = "NVIDIA H100 80GB HBM3"
"""The device whose times are stated where there is none."""


@dataclass(frozen=True)
class Work:
    """Multiply-adds of what one kernel computes, and the bytes that it reads and writes."""

    products: int
    bytes: int


def work_of(graph: Graph) -> list[Work]:
    """By groups of ops that one kernel can compute: what lies between them passes the memory."""
    found = []
    for group in groups(graph):
        own = {node.name for node in group.nodes}
        outside = {name for node in group.nodes for name in node.inputs if name not in own}
        moved = [graph[name].type for name in (*outside, group.result.name)]
        found.append(
            Work(
                sum(graph.macs(node) for node in group.nodes),
                sum(type_.size * type_.element.dtype.itemsize for type_ in moved),
            )
        )
    return found


def roofline(works: Sequence[Work], precision: str, peak: Peak, megahertz: float) -> float:
    """Seconds that no program stays below which runs kernel by kernel."""
    per_second = peak.multiprocessors * peak.products[precision] * megahertz * 1e6
    return sum(
        max(work.products / per_second, work.bytes / peak.bytes_per_second) for work in works
    )
