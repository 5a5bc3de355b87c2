"""A figure and the bar that it is held to, as a row of a Markdown table."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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


Sections = Mapping[str, Callable[[], Iterator[Figure]]]
"""What measures the figures of a benchmark, part by part."""


def measure(names: Sequence[str], sections: Sections, results: Path | None, **about: Any) -> int:
    """Print the figures of the named sections, or of all; how the program ends.

    If there is a file for results, they are kept in it, with what is said about them.
    """
    unknown = set(names) - set(sections)
    if unknown:
        tell(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(sections)}")
        return 2
    print(HEAD)
    missed = 0
    for name in names or sections:
        found = []
        for figure in sections[name]():
            print(figure, flush=True)
            found.append(figure)
            missed += not figure.is_met
        if results is not None:
            keep(results, name, found, about)
    return 1 if missed else 0


def keep(results: Path, section: str, figures: Iterable[Figure], about: Mapping[str, Any]) -> None:
    """Put a section's figures in the file, in place of those of before."""
    whole: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}
    rows = [dataclasses.asdict(figure) | {"is_met": figure.is_met} for figure in figures]
    whole.update(about)
    whole.setdefault("figures", {})[section] = rows
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")


def tell(what: str) -> None:
    """Where a long measurement is."""
    print(what, file=sys.stderr, flush=True)
