"""What a target is: a table of the ops it takes, a compiler, and a loader of what it compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Nested
from sightline.ir.op import Op
from sightline.ir.progress import Report
from sightline.ir.types import Array


@dataclass(frozen=True)
class Taken:
    """The target runs the op as it is."""

    def __str__(self) -> str:
        return "yes"


@dataclass(frozen=True)
class Rewritten:
    """A pass turns the op into others before the target sees it."""

    by: str

    def __str__(self) -> str:
        return f"rewritten by {self.by}"


@dataclass(frozen=True)
class Refused:
    """The target does not run the op, and says what to do instead."""

    fix: str

    def __str__(self) -> str:
        return f"refused: {self.fix}"


@dataclass(frozen=True)
class Elsewhere:
    """Something beside the target runs the op, before or behind what the target does."""

    by: str

    def __str__(self) -> str:
        return f"left to {self.by}"


Support = Taken | Rewritten | Refused | Elsewhere


@dataclass(frozen=True)
class StageTime:
    """How long one stage of a run took."""

    stage: str
    seconds: float


class Executable(Protocol):
    """A compiled graph, ready to run."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by label; `check_inputs` has been called."""
        ...

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        """One run, timed stage by stage."""
        ...


class Target(Protocol):
    """One way to run a graph."""

    @property
    def name(self) -> str: ...

    def support(self, op: type[Op]) -> Support: ...

    def check(self, graph: Graph) -> None:
        """Refuse a graph that the target does not run, before work is done for any target."""
        ...

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        """Write all that `load` needs, besides the graph, into an existing empty folder."""
        ...

    def load(self, graph: Graph, folder: Path) -> Executable: ...


@dataclass(frozen=True)
class Meaning:
    """What the numbers of a network stand for: how a picture becomes its input, and its classes.

    `picture` has the fields that its description in the artifact has; there may be none.
    """

    picture: Mapping[str, Any] | None = None
    classes: tuple[str, ...] = ()


NO_MEANING = Meaning()


@runtime_checkable
class StandsAlone(Protocol):
    """A target whose folder is used without the artifact around it, and so says what that says."""

    def with_meaning(self, meaning: Meaning) -> Target: ...


def check_support(target: Target, graph: Graph) -> None:
    """Refuse a graph that holds an op which the target does not run, or a stage that does."""
    for node in graph.operations:
        if isinstance(node.op, Nested):
            check_support(target, node.op.body)
        support = target.support(type(node.op))
        if not isinstance(support, Taken):
            raise UserError(
                f"the target '{target.name}' does not run {node.op.kind} ({support})",
                node=node.name,
                where=node.where,
            )
