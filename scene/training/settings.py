"""What is trained, and how: everything that decides the weights besides the frames.

The command line shows the defaults, so nothing that is slow to import is imported at the top.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sightline.ir.errors import UserError

if TYPE_CHECKING:
    from sightline.models.scene import Scene

ARCHITECTURE = ("scales", "channels", "classes", "height", "width", "y_maps", "block2", "block3")
"""The settings that are parameters of the network; the others are those of its training."""

OPTIONS = {
    "channels": "--rgbd",
    "height": "--size",
    "width": "--size",
    "learning_rate": "--rate",
    "class_balance": "--balance",
}
"""The options of `sightline scene train` that are not named as their setting is."""


@dataclass(frozen=True)
class Settings:
    """The network's parameters (see `models/scene.py`) and its training's.

    A step draws `batch` frames. The learning rate rises to `learning_rate` over `warm_up` steps and
    falls to zero along a cosine. A class is weighted by its frequency to the power of
    `-class_balance`: 0 counts pixels alike, 1 counts classes alike. Every `check_every` steps the
    network is measured on `check_frames` validation frames, and every `save_every` a checkpoint is
    written.
    """

    scales: int = 3
    channels: int = 3
    classes: int = 8
    height: int = 240
    width: int = 320
    y_maps: int | None = None
    block2: int = 6
    block3: int = 24
    seed: int = 0
    steps: int = 2200
    batch: int = 4
    learning_rate: float = 6e-3
    warm_up: int = 100
    weight_decay: float = 1e-2
    class_balance: float = 0.5
    check_every: int = 250
    check_frames: int = 64
    save_every: int = 50

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:  # as is usual for the network
                continue
            if field.name == "y_maps" or isinstance(field.default, int):
                _require_whole(field.name, value, least=0 if field.name in _MAY_BE_ZERO else 1)
            else:
                _require_part(field.name, value)
        if self.learning_rate == 0:
            raise UserError("a learning rate of 0 learns nothing", fix="Try 0.006.")
        if self.warm_up >= self.steps:
            raise UserError(
                f"{self.steps} steps end before the warm-up of {self.warm_up} does",
                fix="Train for more steps, or give a shorter 'warm_up'.",
            )
        self.network()

    def network(self) -> Scene:
        """The network with its initial weights."""
        from sightline.models.scene import Scene, scene

        network = scene(**{name: getattr(self, name) for name in ARCHITECTURE}, seed=self.seed)
        assert isinstance(network, Scene)
        return network

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / (self.warm_up + 1)
        done = (step - self.warm_up) / (self.steps - self.warm_up)
        return self.learning_rate * (1 + math.cos(math.pi * done)) / 2

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Settings:
        """The settings that `to_json` told."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict):
            raise UserError(f"the settings of a training are names and values, not {values!r:.80}")
        odd = sorted(known ^ set(values), key=str)
        if odd:
            told = ", ".join(f"'{n}' is {'missing' if n in known else 'unknown'}" for n in odd)
            raise UserError(f"the settings of the training do not fit: {told}")
        return cls(**values)


def named(setting: str) -> str:
    """A setting as messages name it, for those who gave it as an option too."""
    return f"'{setting}' ({OPTIONS[setting]})" if setting in OPTIONS else f"'{setting}'"


_MAY_BE_ZERO = ("seed", "warm_up")


def _require_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(
            f"the setting {named(name)} is a whole number of at least {least}, found {value!r}"
        )


def _require_part(name: str, value: Any) -> None:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not 0 <= value <= 1:
        raise UserError(f"the setting {named(name)} is a number from 0 to 1, found {value!r}")
