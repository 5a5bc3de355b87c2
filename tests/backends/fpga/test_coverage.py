"""What `sightline ops` says of the accelerator is what becomes of layers in a network."""

from __future__ import annotations

from typing import Any

import pytest

import sightline.ir.ops  # noqa: F401  (declares the ops)
from sightline.backends.fpga.coverage import support
from sightline.backends.fpga.extract import extract
from sightline.backends.target import Elsewhere, Refused, Rewritten, Taken
from sightline.frontend import nn
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.op import OPS
from sightline.passes import pipeline
from tests.support.quantized import prepared, quantized


class Between(nn.Network):
    """A layer between two filter banks."""

    name = "between"

    def __init__(self, layer: Any) -> None:
        self.inputs = {"image": (1, 3, 12, 12)}
        self.first, self.layer, self.last = nn.Conv2d(3, 4, 3), layer, nn.Conv2d(4, 5, 1)

    def forward(self, image: nn.Tensor) -> Any:
        return self.last(self.layer(self.first(image)))


class Joined(nn.Network):
    """The results of two filter banks, joined."""

    name = "joined"

    def __init__(self, join: Any) -> None:
        self.inputs = {"left": (1, 3, 8, 8), "right": (1, 3, 8, 8)}
        self.join, self.a, self.b = join, nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, left: nn.Tensor, right: nn.Tensor) -> Any:
        return self.join(self.a(left), self.b(right))


class Last(nn.Network):
    """A linear layer behind a filter bank."""

    name = "last"

    def __init__(self) -> None:
        self.inputs = {"image": (1, 3, 6, 6)}
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(64, 5)

    def forward(self, image: nn.Tensor) -> Any:
        return self.last(self.first(image).flatten())


TAKEN = {
    "relu": lambda: Between(nn.ReLU()),
    "leaky_relu": lambda: Between(nn.LeakyReLU(0.1)),
    "clip": lambda: Between(nn.Clip(0.0, 6.0)),
    "tanh": lambda: Between(nn.Tanh()),
    "sigmoid": lambda: Between(nn.Sigmoid()),
    "soft_shrink": lambda: Between(nn.SoftShrink(0.1)),
    "abs": lambda: Between(nn.Abs()),
    "batch_norm": lambda: Between(nn.BatchNorm2d(4)),
    "max_pool": lambda: Between(nn.MaxPool2d(2)),
    "identity": lambda: Between(nn.Dropout()),
    "conv": lambda: Between(nn.Conv2d(4, 4, 3)),
    "linear": Last,
    "add": lambda: Joined(lambda a, b: a + b),
}
REFUSED = {
    "global_max_pool": lambda: Between(nn.GlobalMaxPool2d()),
    "global_average_pool": lambda: Between(nn.GlobalAvgPool2d()),
    "lp_pool": lambda: Between(nn.LPPool2d(2, 2)),
    "sub": lambda: Joined(lambda a, b: a - b),
    "mul": lambda: Joined(lambda a, b: a * b),
}


def extracted(network: Any) -> int:
    """How many filter banks the accelerator computes of a network in int8."""
    with nn.seeded(1):
        graph = quantized(prepared(trace(network()).graph))
    return len(extract(pipeline.run(graph, passes=pipeline.INTEGER_PASSES)).banks)


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_told_as_taken_is_taken(kind: str) -> None:
    assert isinstance(support(OPS[kind]), Taken | Rewritten)
    assert extracted(TAKEN[kind]) >= 2


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_told_as_refused_is_refused(kind: str) -> None:
    assert isinstance(support(OPS[kind]), Refused)
    with pytest.raises(UserError, match="does not take this stage"):
        extracted(REFUSED[kind])


def test_every_rewritten_op_is_tried() -> None:
    rewritten = {kind for kind, op in OPS.items() if isinstance(support(op), Rewritten)}
    assert rewritten <= set(TAKEN)


def test_what_the_host_does() -> None:
    left = {kind for kind, op in OPS.items() if isinstance(support(op), Elsewhere)}
    assert left == {"quantize", "dequantize", "flatten", "reshape", "transpose"}
    assert str(support(OPS["quantize"])) == "left to the host"
