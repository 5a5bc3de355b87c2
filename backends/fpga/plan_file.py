"""The file `plan.json`: a plan, and where in the graph its accelerator begins."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from sightline.backends.fpga.plan import Plan
from sightline.ir.errors import UserError

PLAN = "plan.json"
SCHEMA = 1
"""Grows when a change would make an older Sightline misread a plan."""

T = TypeVar("T")


def plan_to_json(begin: Sequence[str], plan: Plan) -> str:
    """The same text for the same plan."""
    whole = {"schema": SCHEMA, "begin": list(begin), "plan": dataclasses.asdict(plan)}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def plan_from_json(text: str) -> tuple[tuple[str, ...], Plan]:
    """What `plan_to_json` was given; UserError if the text is nothing of the kind."""
    try:
        whole = json.loads(text)
        if whole["schema"] != SCHEMA:
            raise UserError(
                f"the plan has schema {whole['schema']}, and this Sightline reads {SCHEMA}",
                fix="Compile the artifact again.",
            )
        return tuple(map(str, whole["begin"])), _as(Plan, whole["plan"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"the plan of the artifact is broken: {error}", fix="Compile the artifact again."
        ) from error


def _as(wanted: Any, value: Any) -> Any:
    """A plain value of JSON as what a type hint asks for: dataclasses, tuples, numbers, strings."""
    if dataclasses.is_dataclass(wanted):
        hints = typing.get_type_hints(wanted)
        names = [field.name for field in dataclasses.fields(wanted)]
        if not isinstance(value, dict) or set(value) != set(names):
            raise TypeError(f"{value!r:.80} has not the fields {', '.join(names)}")
        make: Any = wanted
        return make(**{name: _as(hints[name], value[name]) for name in names})
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{value!r:.80} is no list")
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_as(kind, each) for kind, each in zip(kinds, value, strict=True))
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in inner:
            return None
        return _as(next(kind for kind in inner if kind is not types.NoneType), value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise TypeError(f"{value!r:.80} is no {wanted.__name__}")
    return value
