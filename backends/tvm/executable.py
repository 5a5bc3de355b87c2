"""Runs a plan: memory is laid out once, and a frame is a list of calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tvm

from sightline.backends.target import StageTime
from sightline.backends.tvm.plan import Argument, Plan
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph
from sightline.ir.types import Array, TensorType

ALIGNMENT = 64
"""Bytes to which TVM takes every array to be aligned."""

Step = tuple[str, Callable[..., Any], tuple[Any, ...]]
"""The node, its kernel and the kernel's arguments."""


class CpuExecutable:
    """A compiled graph with its memory. Runs from several threads wait for each other."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        kernels: Mapping[str, Callable[..., Any]],
        tables: Mapping[str, Constant],
    ) -> None:
        self.graph = graph
        self._plan = plan
        self._lock = threading.Lock()
        self._buffers = [aligned(size) for size in plan.buffers]
        self._fixed: dict[str, Array] = {}
        self._steps: list[Step] = [
            (
                call.node,
                kernels[call.kernel],
                tuple(tvm.runtime.from_dlpack(self._array(a, tables)) for a in call.arguments),
            )
            for call in plan.calls
        ]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with self._lock:
            self._put(inputs)
            for _, kernel, arguments in self._steps:
                kernel(*arguments)
            return {output.label: self._get(output.node) for output in self.graph.outputs}

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        """One run; a node that only names another one anew takes no time."""
        seconds = dict.fromkeys((node.name for node in self.graph.operations), 0.0)
        with self._lock:
            self._put(inputs)
            for node, kernel, arguments in self._steps:
                start = time.perf_counter()
                kernel(*arguments)
                seconds[node] = time.perf_counter() - start
        return [StageTime(node, taken) for node, taken in seconds.items()]

    def _put(self, inputs: Mapping[str, Array]) -> None:
        for node in self.graph.inputs:
            self._value(node.name, node.type)[...] = inputs[node.name]

    def _get(self, name: str) -> Array:
        """The value of a node, as an array of the caller's own."""
        source, type_ = self._plan.renamed.get(name, name), self.graph[name].type
        match self.graph[source].op:
            case Const(value):
                return value.array.reshape(type_.shape).copy()
            case _:
                return self._value(source, type_).copy()

    def _value(self, name: str, type_: TensorType) -> Array:
        buffer = self._buffers[self._plan.places[name]]
        return seen_as(buffer, type_.shape, type_.element.dtype)

    def _array(self, argument: Argument, tables: Mapping[str, Constant]) -> Array:
        """The memory of an argument; that of a constant is shared by all who read it."""
        if argument.kind == "value":
            buffer = self._buffers[self._plan.places[argument.name]]
        else:
            key = f"{argument.kind} {argument.name}"
            if key not in self._fixed:
                op = self.graph[argument.name].op if argument.kind == "constant" else None
                constant = op.value if isinstance(op, Const) else tables[argument.name]
                self._fixed[key] = aligned(constant.array.nbytes)
                self._fixed[key][:] = constant.array.reshape(-1).view(np.uint8)
            buffer = self._fixed[key]
        return seen_as(buffer, argument.shape, np.dtype(argument.dtype))


def aligned(size: int) -> Array:
    """Bytes that begin where TVM's vectors may."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size]


def seen_as(buffer: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The beginning of a buffer as an array."""
    size = int(np.prod(shape)) * dtype.itemsize
    return buffer[:size].view(dtype).reshape(shape)
