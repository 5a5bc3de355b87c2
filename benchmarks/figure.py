"""A figure and the bar that it is held to, as a row of a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

HEAD = "| what | measured | bar |\n|---|---|---|"


@dataclass(frozen=True)
class Figure:
    """What was measured, the figure, and the bar that it must not pass, must reach, or must be.

    Without a bar, it is stated and no more.
    """

    what: str
    value: float
    bar: float | None
    form: str
    must_be: Literal["at most", "at least", "exactly"] = "at most"

    @property
    def is_met(self) -> bool:
        if self.bar is None:
            return True
        match self.must_be:
            case "at most":
                return self.value <= self.bar
            case "at least":
                return self.value >= self.bar
            case _:
                return self.value == self.bar

    def __str__(self) -> str:
        mark = "" if self.is_met else " **missed**"
        bar = "stated" if self.bar is None else f"{self.must_be} {self.form.format(self.bar)}"
        return f"| {self.what} | {self.form.format(self.value)}{mark} | {bar} |"


def print_figures(figures: Iterable[Figure]) -> int:
    """Print each as soon as it is measured; how many miss their bar."""
    print(HEAD)
    missed = 0
    for figure in figures:
        print(figure, flush=True)
        missed += not figure.is_met
    return missed
