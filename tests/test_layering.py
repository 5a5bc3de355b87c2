"""Imports point one way, files stay short, and functions fit a screen."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

from tests.support.layers import (
    LAYERS,
    ROOT,
    Import,
    imports,
    layer_of,
    modules,
    package_of,
    violations,
    within,
)

MODULES = modules()
LONGEST_FILE = 400
LONGEST_FUNCTION = 80
SOURCES = sorted({*MODULES.values(), *(ROOT / "tests").rglob("*.py")})


def test_every_module_keeps_to_its_layer() -> None:
    found = [line for name, path in MODULES.items() for line in violations(name, path.read_text())]
    assert not found, "\n".join(found)


def test_packages_do_not_import_in_circles() -> None:
    graph: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        readers = graph.setdefault(package_of(module), set())
        names = {package_of(each.name) for each in imports(path.read_text())}
        readers |= {name for name in names if name.startswith("sightline.")} - {package_of(module)}
    list(graphlib.TopologicalSorter(graph).static_order())
    assert {"sightline", "sightline.ir", "sightline.passes"} <= set(graph)
    assert not graph["sightline.ir"]


def test_modules_do_not_import_in_circles() -> None:
    graph = {
        module: {
            target
            for each in imports(path.read_text())
            for target in (each.name, each.name.rpartition(".")[0])
            if not each.lazy and target in MODULES and target != module
        }
        for module, path in MODULES.items()
    }
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_all_modules_are_looked_at() -> None:
    assert {"sightline", "sightline.ir", "sightline.ir.ops.conv", "sightline.backends.tvm"} <= set(
        MODULES
    )
    assert len(MODULES) > 50


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("sightline.ir.graph", "import numpy as np\nimport math", []),
        ("sightline.ir.graph", "import onnx", ["sightline.ir.graph:1 imports onnx"]),
        (
            "sightline.ir.graph",
            "def f():\n    from sightline.passes import bank",
            ["sightline.ir.graph:2 imports sightline.passes.bank"],
        ),
        (
            "sightline.ir.graph",
            "from sightline import cli",
            ["sightline.ir.graph:1 imports sightline.cli"],
        ),
        ("sightline.ir.graph", "from . import text", ["sightline.ir.graph:1 imports ..text"]),
        ("sightline.frontend.onnx.read", "import onnx.helper", []),
        ("sightline.frontend.nn", "import onnx", ["sightline.frontend.nn:1 imports onnx"]),
        (
            "sightline.frontend.nn",
            "import sightline.passes.simplify",
            ["sightline.frontend.nn:1 imports sightline.passes.simplify"],
        ),
        (
            "sightline.models.lenet",
            "from sightline.frontend import nn, onnx",
            ["sightline.models.lenet:1 imports sightline.frontend.onnx"],
        ),
        (
            "sightline.models.lenet",
            "from sightline.ir.build import GraphBuilder",
            ["sightline.models.lenet:1 imports sightline.ir.build.GraphBuilder"],
        ),
        ("sightline.backends.tvm.cpu", "import tvm, tvm_ffi", []),
        ("sightline.backends.target", "import tvm", ["sightline.backends.target:1 imports tvm"]),
        (
            "sightline.backends.target",
            "try:\n    import tvm\nexcept ImportError:\n    pass",
            ["sightline.backends.target:2 imports tvm"],
        ),
        ("sightline.cli", "import click\nfrom sightline.ir.text import to_text", []),
        ("sightline.cli", "def f():\n    import tvm, rich.table", []),
        ("sightline.cli", "import rich", ["sightline.cli:1 imports rich at its top"]),
        (
            "sightline.cli",
            "class C:\n    from PIL import Image",
            ["sightline.cli:2 imports PIL.Image at its top"],
        ),
        (
            "sightline.cli",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rich",
            [],
        ),
        ("sightline.cli", "import scipy", ["sightline.cli:1 imports scipy"]),
    ],
)
def test_a_violation_is_found(module: str, source: str, found: list[str]) -> None:
    assert violations(module, source) == found


def test_the_innermost_layer_rules() -> None:
    assert layer_of("sightline.frontend.onnx.reader").name == "sightline.frontend.onnx"
    assert layer_of("sightline.frontend.nn").name == "sightline.frontend"
    assert layer_of("sightline.cli").name == layer_of("sightline").name == "sightline"
    assert not within("sightline.irrelevant", "sightline.ir")
    assert len({layer.name for layer in LAYERS}) == len(LAYERS)


def test_imports_are_read_from_source() -> None:
    source = "import a.b, c\nfrom d import e as f\nasync def g():\n    import h\n"
    assert imports(source) == [
        Import("a.b", 1, False),
        Import("c", 1, False),
        Import("d.e", 2, False),
        Import("h", 4, True),
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_functions_fit_a_screen(path: Path) -> None:
    text = path.read_text()
    lines = len(text.splitlines())
    assert lines <= LONGEST_FILE, f"{lines} lines: split what has several subjects"
    for name, length in function_lengths(text):
        assert length <= LONGEST_FUNCTION, f"{name} has {length} lines: name its steps"


def function_lengths(source: str) -> list[tuple[str, int]]:
    """Each function and its lines, decorators and docstring left out."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0].lineno
            found.append((node.name, (node.end_lineno or start) - start + 1))
    return found


def test_function_lengths_leave_out_docstrings() -> None:
    source = "@d(\n 1)\ndef f():\n    '''a\n    b'''\n    x = 1\n    return x\n"
    assert function_lengths(source) == [("f", 2)]
