"""How an operator is declared: once, as a frozen dataclass that says what it means."""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_type_hints

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array, TensorType, type_of


@dataclass(frozen=True)
class Sample:
    """A random instance of an op with operands: enrols the op in every registry-wide test.

    `data` flow in as graph inputs, `weights` (the last operands) are constants.
    """

    op: Op
    data: tuple[Array, ...]
    weights: tuple[Array, ...] = ()

    @property
    def operands(self) -> tuple[Array, ...]:
        return self.data + self.weights

    @property
    def types(self) -> tuple[TensorType, ...]:
        return tuple(type_of(array) for array in self.operands)


class Op:
    """What every operator has. Its fields are its attributes, and its methods its meaning.

    `infer` gives the result's type, or raises UserError for what the user got wrong; `evaluate` is
    the meaning, in NumPy; `macs` the multiply-accumulates of filter banks and linear layers (0 for
    the rest); `sample` a random instance. Attributes are made what their declarations say: a
    number given where a float belongs is a float from then on, a list a tuple.
    """

    REQUIRED: ClassVar[tuple[str, ...]] = ("infer", "evaluate", "sample")
    """What a subclass must define; a base class of a family may add to it."""

    kind: ClassVar[str]
    """The name in text form: `max_pool` for MaxPool."""

    def __post_init__(self) -> None:
        own: Any = type(self)
        for name, (convert, what) in _conversions(own).items():
            value = getattr(self, name)
            try:
                converted = convert(value)
            except (TypeError, ValueError, OverflowError):
                raise UserError(
                    f"the attribute '{name}' of {type(self).__name__} is {what}, found {value!r}"
                ) from None
            object.__setattr__(self, name, converted)

    def infer(self, *inputs: Any) -> TensorType:
        raise TypeError(f"{type(self).__name__} lacks infer")

    def evaluate(self, *inputs: Any) -> Array:
        raise TypeError(f"{type(self).__name__} lacks evaluate")

    def macs(self, *inputs: Any) -> int:
        return 0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        raise TypeError(f"{cls.__name__} lacks sample")


def _number(value: Any) -> float:
    if isinstance(value, str | bytes | bool):
        raise TypeError
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(_number, value))


def _wholes(value: Any) -> tuple[int, ...]:
    return tuple(map(_whole, value))


_CONVERSIONS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    float: (_number, "a number"),
    int: (_whole, "a whole number"),
    tuple[float, ...]: (_numbers, "a list of numbers"),
    tuple[int, ...]: (_wholes, "a list of whole numbers"),
}
"""How an attribute becomes what its declaration says: plain numbers, and tuples of them."""


@functools.cache
def _conversions(cls: type) -> dict[str, tuple[Callable[[Any], Any], str]]:
    """The conversions of an op's fields, by name."""
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)
    return {f.name: _CONVERSIONS[hints[f.name]] for f in fields if hints[f.name] in _CONVERSIONS}


OPS: dict[str, type[Op]] = {}
"""Every declared op by its kind, in order of declaration."""

AnyOp = TypeVar("AnyOp", bound=type[Op])


def op(cls: AnyOp) -> AnyOp:
    """Enrol an op. Refuses a class that leaves out what the compiler or its tests need."""
    parameters = vars(cls).get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        raise TypeError(f"{cls.__name__} must be a frozen dataclass")
    if (cls.__doc__ or "").startswith(f"{cls.__name__}("):
        raise TypeError(f"{cls.__name__} lacks a docstring that says what it means")
    for base in cls.__mro__:
        for member in vars(base).get("REQUIRED", ()):
            owner = next(c for c in cls.__mro__ if member in vars(c))
            if owner is base:
                raise TypeError(f"{cls.__name__} lacks {member}")
    kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
    if kind in OPS:
        raise TypeError(f"an op named {kind} is declared already")
    cls.kind = kind
    OPS[kind] = cls
    return cls
