"""Peers by name, and what is told of one that there is not, or that is not installed."""

from __future__ import annotations

import importlib
import sys

import pytest

from sightline.ir.errors import UserError
from sightline.peers.registry import PEERS, peer


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_bears_its_name(name: str) -> None:
    assert peer(name).name == name


def test_an_unknown_peer_is_told_with_those_that_there_are() -> None:
    with pytest.raises(
        UserError, match=r"^there is no peer 'tflite'\. Choose from onnxruntime, torch\.$"
    ):
        peer("tflite")


@pytest.mark.parametrize(
    ("name", "package", "install"),
    [("onnxruntime", "onnxruntime", "onnx onnxruntime"), ("torch", "torch", "torch")],
)
def test_what_to_install(
    name: str, package: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [each for each in sys.modules if each.startswith("sightline.peers.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError) as error:
        peer(name)
    assert str(error.value) == (
        f"the peer '{name}' needs the package {package}, which is not installed. Install it "
        f"with: pip install {install}."
    )


def test_a_bug_of_ours_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name}", name="sightline.nothing")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ModuleNotFoundError):
        peer("torch")
