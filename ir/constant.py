"""Constant arrays as values: read-only, compared and named by what they contain."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from sightline.ir.types import Array, Element, TensorType, element_of


class Constant:
    """An array that nobody can change; two are equal if their SHA-256 are."""

    def __init__(self, array: Array, element: Element | None = None) -> None:
        own = np.array(array, order="C", copy=True)
        own.setflags(write=False)
        self.array = own
        self.element = element if element is not None else element_of(own)
        if self.element.dtype != own.dtype:
            raise TypeError(f"{self.element} is stored as {self.element.dtype}, not {own.dtype}")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of element, shape and bytes, in hexadecimal."""
        head = f"{self.type}|".encode()
        return hashlib.sha256(head + self.array.tobytes()).hexdigest()

    @property
    def key(self) -> str:
        """The short name under which text form and artifacts refer to it: 64 bits of the digest."""
        return self.digest[:16]

    @property
    def type(self) -> TensorType:
        return TensorType(self.array.shape, self.element)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Constant({self.type} @{self.key})"
