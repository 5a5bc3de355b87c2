"""A graph that grows op by op, its values computed on the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.types import FLOAT32, Array, Shape, TensorType

LARGEST_SIZE = 3000
LARGEST_NUMBER = 100.0


class Growth:
    """A graph that grows, with the value of every node on one random input."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = GraphBuilder("random")
        self.arrays: dict[str, Array] = {}
        self.values: list[str] = []
        self.labels: list[str] = []
        self.weights: list[str] = []
        shape = tuple(int(n) for n in self.rng.integers((1, 1, 3, 3), (3, 6, 9, 9)))
        self.input(self.normal(shape))

    def integer(self, low: int, high: int) -> int:
        """From low up to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def normal(self, shape: Shape) -> Array:
        return self.rng.standard_normal(shape).astype(np.float32)

    def input(self, array: Array) -> str:
        name = self.builder.input("x", TensorType(array.shape))
        self.arrays[name] = array
        self.values.append(name)
        return name

    def constant(self, array: Array) -> str:
        """A constant; now and then one that is there already, of this shape and sign."""
        positive = array.min() > 0
        shared = [
            name
            for name in self.weights
            if self.arrays[name].shape == array.shape and (self.arrays[name].min() > 0) == positive
        ]
        if shared and self.chance(0.3):
            return shared[self.integer(0, len(shared) - 1)]
        name = self.builder.constant(array.astype(np.float32), "w")
        self.arrays[name] = array.astype(np.float32)
        self.weights.append(name)
        return name

    def type(self, value: str) -> TensorType:
        return self.builder[value].type

    def is_maps(self, value: str) -> bool:
        return self.type(value).rank == 4

    def add(self, op: Op, *inputs: str) -> str | None:
        """The value of an op; None if the op refuses, or the value would be too large."""
        try:
            type_ = op.infer(*(self.type(value) for value in inputs))
        except UserError:
            return None
        if type_.size > LARGEST_SIZE:
            return None
        with np.errstate(all="ignore"):
            array = op.evaluate(*(self.arrays[value] for value in inputs))
        if not (np.isfinite(array).all() and np.abs(array).max() <= LARGEST_NUMBER):
            return None
        name = self.builder.add(op, *inputs)
        self.arrays[name] = array
        if type_.element != FLOAT32:
            self.labels.append(name)
            return None
        return name

    def finish(self, picks: list[int]) -> Graph:
        """The last value is an output, with those picked and the last labels."""
        outputs = {self.values[-1], *(self.values[pick % len(self.values)] for pick in picks)}
        for number, value in enumerate(sorted(outputs) + self.labels[-1:]):
            self.builder.output(value, f"out{number}")
        return self.builder.finish()


Step = Callable[[Growth, str], str | None]
"""Puts something on a value, and gives what the next step may read; None if it does not fit."""

STEPS: dict[str, Step] = {}


def step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function
