"""Probabilities and labels, one line of scores at a time."""

from __future__ import annotations

import math

import numpy as np

from sightline.ir.op import Op
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.types import Array
from tests.support.naive.loops import Index, Model, build


def _softmax(op: Softmax, x: Array) -> Array:
    axis = op.axis % x.ndim

    def element(index: Index) -> float:
        line = [
            math.exp(float(x[(*index[:axis], k, *index[axis + 1 :])])) for k in range(x.shape[axis])
        ]
        return line[index[axis]] / math.fsum(line)

    return build(x.shape, element)


def _argmax(op: ArgMax, x: Array) -> Array:
    axis = op.axis % x.ndim

    def element(index: Index) -> int:
        best = 0
        for k in range(1, x.shape[axis]):
            if x[(*index[:axis], k, *index[axis:])] > x[(*index[:axis], best, *index[axis:])]:
                best = k
        return best

    return build((*x.shape[:axis], *x.shape[axis + 1 :]), element, np.int32)


MODELS: dict[type[Op], Model] = {Softmax: _softmax, ArgMax: _argmax}
