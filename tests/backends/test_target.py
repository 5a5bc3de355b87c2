"""What is checked before a target sees a graph or its inputs, and how targets are found."""

from __future__ import annotations

import re
import sys
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
    check_support,
)
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.classify import Softmax
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.stage import Stage
from sightline.ir.progress import Report, silent
from sightline.ir.types import TensorType


class Picky:
    """A target that takes relu, has a pass for tanh, and refuses all else."""

    name = "picky"

    def support(self, op: type[Op]) -> Support:
        taken: dict[type[Op], Support] = {Relu: Taken(), Tanh: Rewritten("tables")}
        return taken.get(op, Refused("Use relu."))

    def check(self, graph: Graph) -> None:
        check_support(self, graph)

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


def test_an_op_within_a_stage_is_refused_too() -> None:
    class Staged(Picky):
        def support(self, op: type[Op]) -> Support:
            return Taken() if op is Stage else super().support(op)

    for op in (Relu(), Tanh()):
        graph = graph_of(Stage(graph_of(op)))
        if isinstance(op, Relu):
            check_support(Staged(), graph)
        else:
            with pytest.raises(UserError, match=r"^node 'act' \(net\.py:4\): .* not run tanh"):
                check_support(Staged(), graph)


def test_support_prints_for_the_table_of_ops() -> None:
    support = [Taken(), Rewritten("fold_affine"), Refused("Use relu.")]
    assert list(map(str, support)) == ["yes", "rewritten by fold_affine", "refused: Use relu."]


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
