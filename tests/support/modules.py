"""What tests of modules share: one whose forward is a function, and arguments of wrong types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sightline.frontend import nn
from sightline.frontend.nn import Tensor


class Lambda(nn.Module):
    """A module whose forward is a function, for short tests."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def untyped(value: object) -> Any:
    """What a type checker may refuse, and people write all the same."""
    return value
