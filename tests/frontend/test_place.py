"""Places: the user's own line, or their class's where no line of theirs is running."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sightline.frontend import nn
from sightline.frontend.place import place_of
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.models import MODELS
from sightline.source import read
from tests.support.command_line import fails

NETS = """from sightline.frontend import nn

class Base(nn.Network):
    inputs = {"x": (1, 1, 8, 8)}

class ReturnsNone(Base):
    def forward(self, x):
        pass

class TakesNothing(nn.Network):
    def forward(self, x):
        return x

class TakesTwo(Base):
    def forward(self, x, y):
        return x

class BadLayer(Base):
    def __init__(self):
        self.bank = nn.Conv2d(
            1, 0, 3)

class BadConstant(Base):
    def forward(self, x):
        y = x + 1
        return y * 1e300

class BadOp(Base):
    def __init__(self):
        self.bank = nn.Conv2d(2, 3, 3)
    def forward(self, x):
        return self.bank(x)

def sequence():
    return nn.Sequential(nn.ReLU())
"""


@pytest.fixture
def read_alone(tmp_path: Path) -> Iterator[Callable[[str], object]]:
    """Reads a class of NETS as the command line does: with no frame of a user's on the stack."""
    (tmp_path / "nets_to_place.py").write_text(NETS)
    with ThreadPoolExecutor(1) as pool:
        yield lambda name: pool.submit(read, f"nets_to_place:{name}").result()
    sys.modules.pop("nets_to_place", None)


def test_whoever_called_the_command_line_has_no_part_in_a_network() -> None:
    message = fails("inspect", "models:scene,height=241")
    assert message.startswith("a picture of 320x241 does not divide")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ReturnsNone", r"^nets_to_place\.py:7: forward of ReturnsNone returned NoneType\."),
        ("TakesNothing", r"^nets_to_place\.py:10: TakesNothing does not say what it takes\."),
        ("TakesTwo", r"^nets_to_place\.py:15: forward of TakesTwo takes \(x, y\), but is given 1"),
        ("BadLayer", r"^nets_to_place\.py:20: the number of maps is a whole number of at least 1"),
        ("BadConstant", r"^nets_to_place\.py:26: a constant must be finite in single precision"),
        ("BadOp", r"^node 'bank' \(nets_to_place\.py:30\): the filter bank sees 2 input maps, but"),
        ("sequence", r"^nets_to_place\.py:35: Sequential does not say what it takes\."),
    ],
)
def test_a_mistake_names_the_users_file(
    read_alone: Callable[[str], object], name: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_alone(name)


def test_nodes_of_a_model_are_placed_in_its_file() -> None:
    nodes = trace(MODELS["scene"](scales=2, height=32, width=32)).graph.operations
    assert all("models/scene.py:" in node.where for node in nodes), [n.where for n in nodes]


def test_a_wrong_parameter_of_a_model_is_no_mistake_of_its_file() -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(UserError, match=r"^a seed is a whole number"),
    ):
        pool.submit(functools.partial(MODELS["lenet5"], seed=-1)).result()


def test_a_library_between_is_skipped() -> None:
    (layer,) = functools.reduce(lambda made, kind: [*made, kind()], [nn.ReLU], list[nn.Module]())
    assert "test_place.py:" in layer.where


def test_definitions_have_a_place_if_they_are_the_users() -> None:
    assert place_of(nn.ReLU) == place_of(MODELS["scene"]) == ""
    assert place_of(read_alone).endswith(f"test_place.py:{line_of('@pytest.fixture')}")
    made: Any = type("Made", (), {"__module__": "no_such_module"})
    assert place_of(made) == ""


def line_of(text: str) -> int:
    return Path(__file__).read_text().splitlines().index(text) + 1
