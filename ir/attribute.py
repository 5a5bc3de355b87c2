"""Values that several operators share as attributes, and that text form writes field by field."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from sightline.ir.errors import UserError


class Attribute:
    """A frozen dataclass inside an op whose fields are printed among the op's own.

    `KEYS` are the names it prints; no other attribute of the same op may use them.
    """

    KEYS: ClassVar[tuple[str, ...]]

    def to_attributes(self) -> dict[str, Any]:
        """What is not default, by key."""
        raise TypeError(f"{type(self).__name__} lacks to_attributes")

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> Self:
        """The inverse of `to_attributes`."""
        raise TypeError(f"{cls.__name__} lacks from_attributes")


def whole_numbers(key: str, numbers: Sequence[int]) -> tuple[int, ...]:
    """A list of numbers as plain Python integers, which text form can write."""
    try:
        return tuple(map(operator.index, numbers))
    except TypeError:
        raise UserError(f"{key} {numbers!r} is no list of whole numbers") from None
