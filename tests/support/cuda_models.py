"""Graphs compiled for the target `cuda`, and run by the emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sightline.backends.tvm.cuda import Cuda
from sightline.backends.tvm.cuda_options import DEFAULT_ARCHITECTURE, CudaOptions
from sightline.backends.tvm.gpu.folder.model import Model
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph, Input
from sightline.ir.progress import silent
from sightline.ir.types import Array
from sightline.sim.cuda import emulator
from tests.support.integer_networks import SHAPE, STEPS, IntegerNetwork


def compiled(
    graph: Graph, folder: Path, half: bool = False, arch: str = DEFAULT_ARCHITECTURE
) -> Path:
    """The folder of the target, with the graph's files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    Cuda(CudaOptions(arch, half)).compile(graph, folder, silent)
    return folder


@contextmanager
def emulated(graph: Graph, checked: bool = False, half: bool = False) -> Iterator[Model]:
    """A model that the emulator runs; in the end nothing is left, and no check found a thing."""
    with tempfile.TemporaryDirectory() as passing:
        folder = compiled(graph, Path(passing), half)
        library = emulator.build(folder / "model.cu", folder / "emulated", checked=checked)
        with Model(folder, library=library) as model:
            yield model
        assert emulator.findings(model.library) == []
        assert emulator.left(model.library) == []


def run_emulated(graph: Graph, inputs: Mapping[str, Array], half: bool = False) -> dict[str, Array]:
    with emulated(graph, half=half) as model:
        return model.run(**inputs)


def run_with(files: Mapping[str, bytes], inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of a folder that holds these files."""
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(passing)
        for name, contents in files.items():
            (folder / name).write_bytes(contents)
        library = emulator.build(folder / "model.cu", folder / "emulated", checked=False)
        with Model(folder, library=library) as model:
            return model.run(**inputs)


def run_checked(graph: Graph, inputs: Mapping[str, Array], half: bool = False) -> dict[str, Array]:
    with emulated(graph, checked=True, half=half) as model:
        return model.run(**inputs)


def merged(
    parts: Iterable[tuple[Graph, Mapping[str, Array]]],
) -> tuple[Graph, dict[str, Array]]:
    """Several graphs as one, so that the C++ compiler is started once; and the inputs of all."""
    builder = GraphBuilder("merged")
    inputs: dict[str, Array] = {}
    for graph, given in parts:
        names: dict[str, str] = {}
        for node in graph.nodes:
            names[node.name] = builder.keep(node, tuple(names[name] for name in node.inputs))
            if isinstance(node.op, Input):
                inputs[names[node.name]] = given[node.name]
        for output in graph.outputs:
            builder.output(names[output.node])
    return builder.finish(), inputs


def integer_network(seed: int) -> tuple[Graph, dict[str, Array]]:
    """A random network of integers, and inputs for it."""
    rng = np.random.default_rng(seed)
    net = IntegerNetwork(seed)
    values = [net.first]
    for name in rng.choice(list(STEPS), int(rng.integers(1, 6))):
        x = values[-1 - int(rng.choice((0, 0, 0, 1))) % len(values)]
        if net.builder[x].type.shape[2:] != SHAPE[2:]:
            x = values[0]
        values.append(STEPS[str(name)](net, x))
    return net.finish(values[-1]), net.inputs
