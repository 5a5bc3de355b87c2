"""Runs a plan: a frame is a list of calls on memory that is laid out once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sightline.backends.target import StageTime
from sightline.backends.tvm.frame import Frame
from sightline.backends.tvm.host import threads
from sightline.backends.tvm.layout import Packing, Sums
from sightline.backends.tvm.library import Library
from sightline.backends.tvm.plan import Argument, Plan
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph
from sightline.ir.types import Array, TensorType

ALIGNMENT = 64
"""Bytes to which TVM takes every array to be aligned."""


class CpuExecutable:
    """A compiled graph. Several threads may run it at once: each run has memory of its own.

    Memory is kept for the next run, and weights are there once for all.
    """

    def __init__(
        self, graph: Graph, plan: Plan, library: Library, tables: Mapping[str, Constant]
    ) -> None:
        self.graph = graph
        self._plan = plan
        self._library = library
        self._fixed = dict(_fixed(graph, plan, tables))
        self._idle = [Memory(graph, plan, library, self._fixed)]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        memory = self._take()
        try:
            memory.put(inputs)
            self._check(memory.frame.run(threads()))
            return memory.results()
        finally:
            self._idle.append(memory)

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        """One run, kernel by kernel."""
        times, count = [], threads()
        memory = self._take()
        try:
            memory.put(inputs)
            for number, call in enumerate(self._plan.calls):
                start = time.perf_counter()
                failed = memory.frame.run(count, number, 1)
                times.append(StageTime(call.label, time.perf_counter() - start))
                self._check(failed)
        finally:
            self._idle.append(memory)
        return times

    def _take(self) -> Memory:
        """Memory that no other run uses meanwhile."""
        try:
            return self._idle.pop()
        except IndexError:
            return Memory(self.graph, self._plan, self._library, self._fixed)

    def _check(self, failed: int) -> None:
        """No network and no input makes a kernel fail: if one does, that is our bug."""
        if failed >= 0:
            call = self._plan.calls[failed]
            raise RuntimeError(f"the kernel {call.kernel} of '{call.label}' failed")


class Memory:
    """The buffers of one run, and the calls on them."""

    def __init__(
        self, graph: Graph, plan: Plan, library: Library, fixed: Mapping[Argument, Array]
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._buffers = [aligned(size) for size in plan.buffers]
        calls = (
            (call.kernel, [fixed[a] if a in fixed else self._seen(a) for a in call.arguments])
            for call in plan.calls
        )
        self.frame = Frame(library, list(calls))
        self._inputs = {node.name: self._value(node.name, node.type) for node in graph.inputs}
        self._outputs = {output.label: self._result(output.node) for output in graph.outputs}

    def put(self, inputs: Mapping[str, Array]) -> None:
        for name, place in self._inputs.items():
            place[...] = inputs[name]

    def results(self) -> dict[str, Array]:
        """The outputs by label, as arrays of the caller's own."""
        return {label: place.copy() for label, place in self._outputs.items()}

    def _result(self, name: str) -> Array:
        """Where the value of a node lies after a run."""
        source, type_ = self._plan.renamed.get(name, name), self._graph[name].type
        match self._graph[source].op:
            case Const(value):
                return value.array.reshape(type_.shape)
            case _:
                return self._value(source, type_)

    def _value(self, name: str, type_: TensorType) -> Array:
        buffer = self._buffers[self._plan.places[name]]
        return seen_as(buffer, type_.shape, type_.element.dtype)

    def _seen(self, argument: Argument) -> Array:
        buffer = self._buffers[self._plan.places[argument.name]]
        return seen_as(buffer, argument.shape, np.dtype(argument.dtype))


def _fixed(
    graph: Graph, plan: Plan, tables: Mapping[str, Constant]
) -> Iterator[tuple[Argument, Array]]:
    """What kernels read that no run changes; the same order of the same constant is there once."""
    memory: dict[tuple[str, str, Packing | Sums | None], Array] = {}
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
        yield argument, seen_as(memory[key], argument.shape, np.dtype(argument.dtype))


def aligned(size: int) -> Array:
    """Bytes that begin where TVM's vectors may."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size]


def seen_as(buffer: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The beginning of a buffer as an array."""
    size = int(np.prod(shape)) * dtype.itemsize
    return buffer[:size].view(dtype).reshape(shape)
