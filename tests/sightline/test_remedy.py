"""What is proposed for a layer names what the layer is made of, and gives it 16 bits."""

from __future__ import annotations

import pytest

import sightline
from sightline.accuracy import Accuracy
from sightline.frontend import nn
from tests.support.integer_layers import accuracy_of, frames, two_banks, weights

FRAMES = frames(4)


class Shared(nn.Network):
    """One bank with its tanh, at two scales."""

    name = "shared"

    def __init__(self) -> None:
        self.inputs = {"x": (1, 2, 8, 8)}
        self.bank = nn.Conv2d(2, 3, 3, padding=1)
        self.act = nn.Tanh()
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample((8, 8))
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        fine, coarse = self.act(self.bank(x)), self.act(self.bank(self.pool(x)))
        y: nn.Tensor = self.last(nn.cat([fine, self.up(coarse)]))
        return y


def remedies(found: Accuracy) -> dict[str, tuple[str, ...]]:
    return {layer.name: layer.remedy for layer in found.layers}


def own(found: Accuracy) -> dict[str, float]:
    return {layer.name: layer.own.decibels for layer in found.layers}


def test_a_bank_and_its_function_are_named_each() -> None:
    model = sightline.quantize(two_banks(weights()), FRAMES)
    assert remedies(accuracy_of(model, FRAMES)) == {
        "act": ("bank=int16", "act=int16"),
        "last": ("last=int16",),  # its results have 16 bits, and its weights 8
    }


def test_what_has_16_bits_has_no_remedy() -> None:
    model = sightline.quantize(two_banks(weights()), FRAMES, ["int8", "last=int16"])
    assert remedies(accuracy_of(model, FRAMES))["last"] == ()


def test_of_shared_weights_the_modules_are_named() -> None:
    found = remedies(accuracy_of(sightline.quantize(Shared(), FRAMES), FRAMES))
    assert {found["act"], found["act_1"]} == {("bank=int16", "act=int16")}


@pytest.mark.parametrize("net", [two_banks(weights()), Shared()], ids=["two banks", "shared"])
def test_every_remedy_is_accepted_and_helps(net: object) -> None:
    before = accuracy_of(sightline.quantize(net, FRAMES), FRAMES)
    for layer, words in remedies(before).items():
        after = accuracy_of(sightline.quantize(net, FRAMES, ["int8", *words]), FRAMES)
        assert not words or own(after)[layer] > own(before)[layer] + 12
        assert remedies(after)[layer] == ()
