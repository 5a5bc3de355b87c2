"""Frames to try an accelerator with, and what it computes of them by the graph's own meaning."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from sightline.backends.fpga.network import Network
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.quantization import Quantize
from sightline.ir.types import Array, Float32, Int, Quant


def random_frame(
    graph: Graph, seed: int, limits: tuple[float, float] | None = None
) -> dict[str, Array]:
    """Noise for each input, the same for the same seed.

    Floats lie between `limits`, or else in the range of the integers that they become.
    """
    generator = np.random.default_rng(seed)
    frame: dict[str, Array] = {}
    for node in graph.inputs:
        element = node.type.element
        if isinstance(element, Float32):
            low, high = limits or _range(graph, node)
            frame[node.name] = generator.uniform(low, high, node.type.shape).astype(np.float32)
        else:
            storage = element.storage if isinstance(element, Quant) else element
            whole = generator.integers(storage.low, storage.high, node.type.shape, endpoint=True)
            frame[node.name] = whole.astype(element.dtype)
    return frame


def _range(graph: Graph, node: Node) -> tuple[float, float]:
    """The numbers that the integers stand for which an input becomes; 0 to 1 if it becomes none."""
    for reader in graph.nodes:
        if node.name in reader.inputs and isinstance(reader.op, Quantize):
            encoding = reader.type.element
            assert isinstance(encoding, Quant)
            ends = (encoding.storage.low, encoding.storage.high)
            low, high = (encoding.scale * (end - encoding.zero_point) for end in ends)
            return low, high
    return 0.0, 1.0


def values_in(
    graph: Graph, network: Network, names: Collection[str], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """Values of the accelerator by name, each as maps, rows, columns."""
    found: dict[str, Array] = {}
    values: dict[str, Array] = {}
    for node in evaluate(graph, inputs, values):
        if node.name in names:
            shape = network.shape(node.name)
            found[node.name] = values[node.name].reshape(shape.maps, shape.rows, shape.columns)
    return found


def probed(network: Network) -> set[str]:
    """The values that are known of a frame: what enters, what engines compute, what leaves."""
    banks = {bank.name for bank in network.banks}
    return {source.name for source in network.sources} | banks | set(network.outputs)


def encoding(graph: Graph, name: str) -> Quant | Int:
    """What the integers of a value mean."""
    element = graph[name].type.element
    assert isinstance(element, Quant | Int)
    return element
