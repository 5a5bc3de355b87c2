"""Runs a plan: a frame is a list of calls on memory that is laid out once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import tvm

from sightline.backends.target import StageTime
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.plan import Argument, Plan
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph
from sightline.ir.types import Array, TensorType

ALIGNMENT = 64
"""Bytes to which TVM takes every array to be aligned."""

Kernels = Mapping[str, Callable[..., Any]]

Step = tuple[str, Callable[..., Any], tuple[Any, ...]]
"""What a call does, its kernel and the kernel's arguments."""


class CpuExecutable:
    """A compiled graph. Several threads may run it at once: each run has memory of its own.

    Memory is kept for the next run, and weights are there once for all.
    """

    def __init__(
        self, graph: Graph, plan: Plan, kernels: Kernels, tables: Mapping[str, Constant]
    ) -> None:
        self.graph = graph
        self._plan = plan
        self._kernels = kernels
        self._fixed = dict(_fixed(graph, plan, tables))
        self._lock = threading.Lock()
        self._idle = [Memory(graph, plan, kernels, self._fixed)]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with self._memory() as memory:
            memory.put(inputs)
            for _, kernel, arguments in memory.steps:
                kernel(*arguments)
            return {output.label: memory.get(output.node) for output in self.graph.outputs}

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        """One run, kernel by kernel."""
        times = []
        with self._memory() as memory:
            memory.put(inputs)
            for label, kernel, arguments in memory.steps:
                start = time.perf_counter()
                kernel(*arguments)
                times.append(StageTime(label, time.perf_counter() - start))
        return times

    @contextmanager
    def _memory(self) -> Iterator[Memory]:
        """Memory that no other run uses meanwhile."""
        with self._lock:
            memory = self._idle.pop() if self._idle else None
        memory = memory or Memory(self.graph, self._plan, self._kernels, self._fixed)
        try:
            yield memory
        finally:
            with self._lock:
                self._idle.append(memory)


class Memory:
    """The buffers of one run, and the calls on them."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        kernels: Kernels,
        fixed: Mapping[Argument, Any],
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._buffers = [aligned(size) for size in plan.buffers]
        self.steps: list[Step] = [
            (
                call.label,
                kernels[call.kernel],
                tuple(fixed[a] if a in fixed else self._tensor(a) for a in call.arguments),
            )
            for call in plan.calls
        ]

    def put(self, inputs: Mapping[str, Array]) -> None:
        for node in self._graph.inputs:
            self._value(node.name, node.type)[...] = inputs[node.name]

    def get(self, name: str) -> Array:
        """The value of a node, as an array of the caller's own."""
        source, type_ = self._plan.renamed.get(name, name), self._graph[name].type
        match self._graph[source].op:
            case Const(value):
                return value.array.reshape(type_.shape).copy()
            case _:
                return self._value(source, type_).copy()

    def _value(self, name: str, type_: TensorType) -> Array:
        buffer = self._buffers[self._plan.places[name]]
        return seen_as(buffer, type_.shape, type_.element.dtype)

    def _tensor(self, argument: Argument) -> Any:
        buffer = self._buffers[self._plan.places[argument.name]]
        array = seen_as(buffer, argument.shape, np.dtype(argument.dtype))
        return tvm.runtime.from_dlpack(array)


def _fixed(
    graph: Graph, plan: Plan, tables: Mapping[str, Constant]
) -> Iterator[tuple[Argument, Any]]:
    """What kernels read that no run changes; the same order of the same constant is there once."""
    memory: dict[tuple[str, str, Packing | None], Array] = {}
    for argument in dict.fromkeys(a for call in plan.calls for a in call.arguments):
        if argument.kind == "value":
            continue
        key = (argument.kind, argument.name, argument.packing)
        if key not in memory:
            op = graph[argument.name].op if argument.kind == "constant" else None
            array = (op.value if isinstance(op, Const) else tables[argument.name]).array
            if argument.packing is not None:
                array = argument.packing.apply(array)
            memory[key] = aligned(array.nbytes)
            memory[key][:] = array.reshape(-1).view(np.uint8)
        seen = seen_as(memory[key], argument.shape, np.dtype(argument.dtype))
        yield argument, tvm.runtime.from_dlpack(seen)


def aligned(size: int) -> Array:
    """Bytes that begin where TVM's vectors may."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size]


def seen_as(buffer: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The beginning of a buffer as an array."""
    size = int(np.prod(shape)) * dtype.itemsize
    return buffer[:size].view(dtype).reshape(shape)
