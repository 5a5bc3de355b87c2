"""What must hold of a frame, so that calibration and accuracy mean something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sightline.frontend.model import Model, Picture
from sightline.inputs import as_declared
from sightline.ir.errors import UserError
from sightline.ir.evaluate import check_inputs
from sightline.ir.types import Array, TensorType
from sightline.picture import limits

Frame = dict[str, Array]
"""Arrays by the names of a network's inputs."""


def only_input(model: Model, called: str) -> str:
    names = [node.name for node in model.graph.inputs]
    if len(names) != 1:
        raise UserError(
            f"{called} is one array or picture, but the network takes {', '.join(names) or 'none'}",
            fix="Give arrays by input name, or a .npz file of them.",
        )
    return names[0]


def checked(model: Model, given: Any, called: str) -> Frame:
    """A frame as arrays of the inputs' types, all of finite numbers."""
    if isinstance(given, np.ndarray):
        given = {only_input(model, called): given}
    if not isinstance(given, Mapping) or not all(isinstance(a, np.ndarray) for a in given.values()):
        raise UserError(
            f"{called} is of type '{type(given).__name__}', and neither an array nor arrays by "
            "input name"
        )
    wanted = {node.name: node.type for node in model.graph.inputs}
    frame = {k: as_declared(a, wanted[k]) if k in wanted else a for k, a in given.items()}
    try:
        check_inputs(model.graph, frame)
    except UserError as error:
        raise UserError(f"{called}: {error.problem}", fix=error.fix) from None
    for key, array in frame.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            odd = array[~np.isfinite(array)].flat[0]
            raise UserError(f"{called} holds {odd} in the input '{key}', which is no finite number")
    if model.picture is not None and len(frame) == 1:
        _require_range(model.picture, next(iter(frame.values())), called)
    return frame


def _require_range(picture: Picture, x: Array, called: str) -> None:
    """Refuse numbers far beyond those of pictures: 0 to 255, say, where 0 to 1 is meant."""
    low, high = limits(picture)
    if low - (high - low) <= x.min() and x.max() <= high + (high - low):
        return
    raise UserError(
        f"{called} holds numbers from {x.min():g} to {x.max():g}, but pictures for this network "
        f"lie between {low:g} and {high:g}",
        fix="Give pictures, or arrays made as --colors, --range, --mean and --deviation say.",
    )


def count_of(key: str, shape: Sequence[int], type_: TensorType, called: str) -> int:
    """How many frames an array is."""
    first = type_.shape[:1]
    if not first or not shape or shape[0] % first[0] or tuple(shape[1:]) != type_.shape[1:]:
        raise UserError(
            f"{called} holds an array of shape {list(shape)}, but the input '{key}' is {type_}",
            fix="Frames follow each other along the first axis.",
        )
    if not shape[0]:
        raise UserError(f"{called} holds no frame: its array is of shape {list(shape)}")
    return int(shape[0]) // first[0]
