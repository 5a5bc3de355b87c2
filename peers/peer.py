"""What a peer is: another program, which makes of a network what runs its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sightline.frontend.model import Model
from sightline.ir.types import Array

Run = Callable[[Mapping[str, Array]], Mapping[str, Array]]
"""One frame: inputs by name to outputs by label."""


@dataclass(frozen=True)
class Subject:
    """What a peer is to run: a float network, by so many threads.

    With `integers`, it is to quantize the network to bytes by its own means, and by these frames.
    """

    model: Model
    threads: int
    frames: Sequence[Mapping[str, Array]]
    integers: bool = False


@dataclass(frozen=True)
class Form:
    """One form in which a peer runs a network; the name is empty where there is no other."""

    name: str
    run: Run


class Peer(Protocol):
    """A module of a peer has one, as `PEER`."""

    @property
    def name(self) -> str: ...

    def prepare(self, subject: Subject) -> list[Form]:
        """The forms to measure, of which the fastest counts. UserError if it cannot run it."""
        ...
