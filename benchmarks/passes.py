"""How long the passes take on chains of nodes: the time must grow with the nodes, no faster.

python benchmarks/passes.py
"""

from __future__ import annotations

import time

import numpy as np

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.ops.pointwise import Relu
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes import pipeline

NODES = 500
MULTIPLES = (1, 2, 4, 8)


def chain(operations: int) -> Graph:
    """Convolution, batch normalization, ReLU, over and over, on small maps."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder("chain")
    value = builder.input("x", TensorType((1, 4, 8, 8)))
    bank = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(4, 4))
    for number in range(operations):
        match number % 3:
            case 0:
                weights = rng.standard_normal((bank.table.pairs, 3, 3)).astype(np.float32)
                weight = builder.constant(weights, f"c{number}.weight")
                value = builder.add(bank, value, weight, name=f"c{number}")
            case 1:
                statistics = rng.uniform(0.5, 1.5, (4, 4)).astype(np.float32)
                operands = [
                    builder.constant(row, f"b{number}.{i}") for i, row in enumerate(statistics)
                ]
                value = builder.add(BatchNorm(), value, *operands, name=f"b{number}")
            case _:
                value = builder.add(Relu(), value, name=f"r{number}")
    builder.output(value, "y")
    return builder.finish()


def seconds(graph: Graph, repeats: int = 3) -> float:
    """Of the processor, by the fastest of several runs of all passes."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        pipeline.run(graph)
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    print(f"{'nodes':>6}  {'seconds':>8}  {'µs a node':>9}")
    for multiple in MULTIPLES:
        graph = chain(NODES * multiple)
        taken = seconds(graph)
        count = len(graph.operations)
        print(f"{count:>6}  {taken:>8.3f}  {taken / count * 1e6:>9.1f}")


if __name__ == "__main__":
    main()
