"""What a training measured on its way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """How good the network was after a number of steps, on the validation frames."""

    step: int
    loss: float
    pixel_accuracy: float
    class_accuracy: float
    class_accuracies: tuple[float, ...]
    """NaN for a class that no validation frame has."""


@dataclass
class History:
    """The loss of each step on its batch, the checks in between, and the seconds it all took."""

    losses: list[float] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> History:
        """The history that `to_json` told, from JSON or not."""
        checks = [
            Check(**{**each, "class_accuracies": tuple(each["class_accuracies"])})
            for each in values["checks"]
        ]
        return cls(list(values["losses"]), checks, float(values["seconds"]))
