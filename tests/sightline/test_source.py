"""Everything that `read` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

import sightline
from sightline.frontend.onnx import write
from sightline.ir.graph import Input
from sightline.models import MODELS
from sightline.source import read
from tests.support.small_networks import CLASSES, labeler

FACTORIES = """
from sightline.frontend import nn
from tests.support.small_networks import labeler

class Net(nn.Network):
    def __init__(self, maps: int = 2, size: tuple[int, ...] = (4, 6), name="net"):
        self.name = name
        self.inputs = {"image": (1, 1, *size)}
        self.bank = nn.Conv2d(1, maps, 3)

    def forward(self, image):
        return {"y": self.bank(image)}

def graph():
    return labeler().graph

model = labeler()
ready = Net(3)
"""


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module of factories in the current folder, of a name that no other test imports."""
    name = f"factories_of_{request.node.name.split('[')[0]}"
    (tmp_path / f"{name}.py").write_text(FACTORIES)
    return name


@pytest.mark.parametrize("name", MODELS)
def test_every_network_of_models(name: str) -> None:
    model = read(f"models:{name}")
    assert model.graph.total_macs > 0


def test_parameters_reach_the_network() -> None:
    model = read("models:scene,classes=33,scales=1,height=48,width=64")
    (output,) = model.graph.outputs
    assert model.graph[output.node].type.shape == (1, 33, 12, 16)
    assert len(model.classes) == 33


def test_an_onnx_file(tmp_path: Path) -> None:
    write(labeler(), tmp_path / "net.onnx")
    for source in ("net.onnx", tmp_path / "net.onnx"):
        assert read(source).graph.total_macs == labeler().graph.total_macs


def test_the_folder_of_an_artifact(tmp_path: Path) -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    artifact.save("net")
    model = read("net")
    assert (model.graph, model.classes) == (artifact.graph, CLASSES)


def test_objects_are_taken_as_they_are(module: str) -> None:
    model = labeler()
    assert read(model) is model
    assert read(model.graph).graph is model.graph
    assert read(f"{module}:graph").graph == model.graph
    assert read(f"{module}:model") == model
    assert read(f"{module}:ready").graph.name == "net"


def test_a_factory_takes_parameters_by_its_annotations(module: str) -> None:
    model = read(f"{module}:Net,maps=5,size=8x9,name=five")
    assert model.graph.name == "five"
    assert isinstance(model.graph["image"].op, Input)
    assert model.graph["image"].type.shape == (1, 1, 8, 9)
    assert model.graph["bank"].type.shape == (1, 5, 6, 7)


def test_nodes_know_their_place_in_the_users_file(module: str) -> None:
    assert read(f"{module}:Net").graph["bank"].where == f"{module}.py:9"
