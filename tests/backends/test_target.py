"""What is checked before a target sees a graph or its inputs, and how targets are found."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import registry
from sightline.backends.target import (
    Executable,
    Refused,
    Rewritten,
    Support,
    Taken,
    Target,
    check_inputs,
    check_support,
)
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.classify import Softmax
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array, Int, TensorType


class Picky:
    """A target that takes relu, has a pass for tanh, and refuses all else."""

    name = "picky"

    def support(self, op: type[Op]) -> Support:
        taken: dict[type[Op], Support] = {Relu: Taken(), Tanh: Rewritten("tables")}
        return taken.get(op, Refused("Use relu."))

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        silent("picky", 1, 1)

    def load(self, graph: Graph, folder: Path) -> Executable:
        raise NotImplementedError


def graph_of(op: Op) -> Graph:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3)))
    net.output(net.add(op, x, name="act", where="net.py:4"))
    return net.finish()


def test_a_graph_of_what_is_taken_passes() -> None:
    target: Target = Picky()
    check_support(target, graph_of(Relu()))


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (Tanh(), "does not run tanh (rewritten by tables)"),
        (Softmax(), "does not run softmax (refused: Use relu.)"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(op: Op, reason: str) -> None:
    message = f"node 'act' (net.py:4): the target 'picky' {reason}."
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        check_support(Picky(), graph_of(op))


def test_support_prints_for_the_table_of_ops() -> None:
    support = [Taken(), Rewritten("fold_affine"), Refused("Use relu.")]
    assert list(map(str, support)) == ["yes", "rewritten by fold_affine", "refused: Use relu."]


def two_inputs() -> Graph:
    net = GraphBuilder("net")
    for name, type_ in (("x", TensorType((1, 3))), ("y", TensorType((2,), Int(5)))):
        net.output(net.input(name, type_))
    return net.finish()


X, Y = np.zeros((1, 3), np.float32), np.zeros(2, np.int8)


def test_right_inputs_pass() -> None:
    check_inputs(two_inputs(), {"y": Y, "x": X})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {},
            "the network takes x, y, but was given nothing. Give one array for each input, by its "
            "name.",
        ),
        (
            {"x": X},
            "the network takes x, y, but was given x. Give one array for each input, by its name.",
        ),
        (
            {"x": X, "y": Y, "z": Y},
            "the network takes x, y, but was given x, y, z. Give one array for each input, by its "
            "name.",
        ),
        (
            {"x": X[0], "y": Y},
            "the input 'x' is f32[1,3] (float32), but was given an array of shape [3] and type "
            "float32.",
        ),
        (
            {"x": X.astype(np.float64), "y": Y},
            "the input 'x' is f32[1,3] (float32), but was given an array of shape [1, 3] and type "
            "float64.",
        ),
        (
            {"x": X, "y": Y.astype(np.uint8)},
            "the input 'y' is i5[2] (int8), but was given an array of shape [2] and type uint8.",
        ),
    ],
)
def test_other_inputs_are_refused(inputs: Mapping[str, Array], message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        check_inputs(two_inputs(), inputs)


def test_a_graph_without_inputs_takes_nothing() -> None:
    net = GraphBuilder("net")
    net.output(net.constant(Y, "c"))
    check_inputs(net.finish(), {})
    with pytest.raises(UserError, match=r"^the network takes nothing, but was given x\. "):
        check_inputs(net.finish(), {"x": X})


# The registry.


def test_the_reference_is_a_target() -> None:
    assert "reference" in registry.TARGETS
    assert registry.target("reference").name == "reference"


def test_an_unknown_target_is_refused_with_those_that_exist() -> None:
    listed = ", ".join(registry.TARGETS)
    with pytest.raises(
        UserError, match=rf"^there is no target 'gpu'\. Choose from {re.escape(listed)}\.$"
    ):
        registry.target("gpu")


def test_the_package_that_compiles_is_told_with_its_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert registry.maker("reference") == f"numpy {np.__version__}"
    monkeypatch.setitem(registry._PACKAGES, "cpu", "a-package-that-is-not-there")
    assert registry.maker("cpu") == "a-package-that-is-not-there, not installed"


@pytest.fixture
def module_of_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that stands in for the target `cpu`."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry._MODULES, "cpu", "stand_in_for_cpu")
    monkeypatch.delitem(sys.modules, "stand_in_for_cpu", raising=False)
    return tmp_path / "stand_in_for_cpu.py"


def test_a_missing_package_is_named_with_how_to_install_it(module_of_cpu: Path) -> None:
    module_of_cpu.write_text("import a_package_that_is_not_there.inner\n")
    with pytest.raises(
        UserError,
        match=r"^the target 'cpu' needs the package a_package_that_is_not_there, which is not "
        r"installed\. Install it with: pip install 'sightline\[cpu\]'\.$",
    ):
        registry.target("cpu")


def test_a_module_of_our_own_that_is_missing_is_our_bug(module_of_cpu: Path) -> None:
    module_of_cpu.write_text("import sightline.backends.no_such_module\n")
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'sightline\.backends\.no_"):
        registry.target("cpu")


def test_a_target_is_what_its_module_calls_target(module_of_cpu: Path) -> None:
    module_of_cpu.write_text("TARGET = 'the target'\n")
    assert str(registry.target("cpu")) == "the target"
