"""Calibration: what numbers the values of a float graph take, over frames that are typical."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.evaluate import check_inputs, evaluate
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.progress import Report, silent
from sightline.ir.types import FLOAT32, Array
from sightline.passes.statistics import Statistics, merged, statistics_of

Frame = Array | Mapping[str, Array]
"""An array for each input by its name, or the array of the only one."""


def observe(
    graph: Graph, frames: Iterable[Frame], report: Report = silent
) -> dict[str, Statistics]:
    """The statistics of every float value that is read, inputs and results, over all frames.

    They do not depend on the order of the frames, of which one at a time is held, and of its values
    those that are still to be read. Constants are left out.
    """
    total = len(frames) if isinstance(frames, Sized) else None
    found: dict[str, Statistics] = {}
    done = 0
    for done, frame in enumerate(frames, 1):
        report("calibrating", done - 1, done if total is None else total)
        for node, statistics in _statistics_of_frame(graph, frame, done):
            before = found.get(node.name)
            found[node.name] = merged(before, statistics) if before else statistics
    if not done:
        raise UserError(
            "there are no frames to calibrate with",
            fix="Give some tens of frames that are typical of what the network will see.",
        )
    report("calibrating", done, done)
    return found


def _statistics_of_frame(
    graph: Graph, frame: Frame, number: int
) -> Iterator[tuple[Node, Statistics]]:
    values: dict[str, Array] = {}
    for node in evaluate(graph, _inputs(graph, frame, number), values):
        if isinstance(node.op, Const) or node.type.element != FLOAT32 or node.name not in values:
            continue
        value = values[node.name]
        _require_finite(node, value, number)
        yield node, statistics_of(value)


def _inputs(graph: Graph, frame: Frame, number: int) -> Mapping[str, Array]:
    """A frame as the arrays of the inputs, if it is that."""
    if isinstance(frame, np.ndarray) and len(graph.inputs) == 1:
        frame = {graph.inputs[0].name: frame}
    if not isinstance(frame, Mapping) or not all(
        isinstance(array, np.ndarray) for array in frame.values()
    ):
        names = ", ".join(node.name for node in graph.inputs)
        raise UserError(
            f"frame {number} is {_described(frame)}, but the network takes an array for {names}",
            fix="Give NumPy arrays by the names of the inputs, or one array if there is one input.",
        )
    try:
        check_inputs(graph, frame)
    except UserError as error:
        raise UserError(f"frame {number} does not fit: {error.problem}", fix=error.fix) from None
    return frame


def _described(frame: object) -> str:
    if isinstance(frame, Mapping):
        return "a mapping of " + ", ".join(f"{k}: {type(v).__name__}" for k, v in frame.items())
    return "a single array" if isinstance(frame, np.ndarray) else f"a {type(frame).__name__}"


def _require_finite(node: Node, value: Array, number: int) -> None:
    """Refuse what no integers can stand for, where it first appears."""
    low, high = float(value.min()), float(value.max())  # both are no number if there is one
    if np.isfinite(low) and np.isfinite(high):
        return
    count = value.size - int(np.isfinite(value).sum())
    what = "no numbers" if np.isnan(low) else "infinite"
    raise UserError(
        f"at frame {number}, {count} of the {value.size} numbers of this value "
        f"are {what}, and a quantized value is finite",
        fix="Calibrate with frames on which the network is finite, or look at its weights.",
        node=node.name,
        where=node.where,
    )
