"""The passes in order, the graph verified before, between and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.progress import Report, silent
from sightline.ir.text import to_text
from sightline.ir.verify import InvalidGraph, verify
from sightline.passes.absorb_gathers import absorb_gathers
from sightline.passes.clip_first import clip_first
from sightline.passes.equalize import equalize
from sightline.passes.fold_affine import fold_affine
from sightline.passes.fuse import fuse
from sightline.passes.legalize import legalize
from sightline.passes.linear_to_conv import linear_to_conv
from sightline.passes.merge_banks import merge_banks
from sightline.passes.move_integers import move_integers
from sightline.passes.pool_first import pool_first
from sightline.passes.pool_sums import pool_sums
from sightline.passes.pool_to_bank import pool_to_bank
from sightline.passes.rebase_unsigned import rebase_unsigned
from sightline.passes.refusal import Refusal
from sightline.passes.rewrite import Pass, RuleError
from sightline.passes.simplify import simplify
from sightline.passes.sink_transposes import sink_transposes
from sightline.passes.split_concat import split_concat
from sightline.passes.tables import tables
from sightline.passes.upsample_last import upsample_last

FLOAT_PASSES: tuple[Pass, ...] = (
    simplify,
    sink_transposes,
    linear_to_conv,
    fold_affine,  # so that banks are neighbours
    absorb_gathers,
    merge_banks,
    fold_affine,  # into what was merged
    split_concat,
    upsample_last,
    pool_first,
    simplify,
)
"""From what a frontend reads to what a backend, or quantization, takes."""

PREPARATION: tuple[Pass, ...] = (clip_first, pool_to_bank, fold_affine, simplify, equalize)
"""From there to the graph whose values are observed, and quantized."""

TO_INTEGERS: tuple[Pass, ...] = (move_integers, rebase_unsigned, legalize)
"""From Quantize and Dequantize, around ops on floats, to exact integers."""

INTEGER_PASSES: tuple[Pass, ...] = (*TO_INTEGERS, simplify, pool_sums, tables, fuse)
"""From Quantize and Dequantize, around ops on floats, to integers all the way."""


def passes_for(graph: Graph) -> tuple[Pass, ...]:
    """From what a user gives to what a backend takes: to integers, if it is quantized."""
    return (*FLOAT_PASSES, *INTEGER_PASSES) if is_quantized(graph) else FLOAT_PASSES


def is_quantized(graph: Graph) -> bool:
    """Whether a graph has integers for its values, or says where they will be."""
    return any(isinstance(node.op, Quantize | Dequantize) for node in graph.nodes)


class PassError(Exception):
    """A pass failed: a bug of ours, never of the user. Says which, at which node, and where."""

    def __init__(self, name: str, problem: str, node: Node | None = None) -> None:
        place = ""
        if node is not None:
            place = f" at node '{node.name}'" + (f" ({node.where})" if node.where else "")
        super().__init__(
            f"the pass '{name}' failed{place}: {problem}. This is a bug in Sightline; please "
            "report it with the model."
        )


def run(
    graph: Graph,
    *,
    passes: Sequence[Pass] = FLOAT_PASSES,
    dump: Path | None = None,
    report: Report = silent,
) -> Graph:
    """The graph after all passes. `dump` names a folder for the text of the graph after each."""
    verify(graph)
    _dump(graph, dump, 0, "input")
    for number, each in enumerate(passes):
        name = each.__name__
        report(name, number, len(passes))
        graph = _run(each, name, graph)
        _dump(graph, dump, number + 1, name)
    report("passes", len(passes), len(passes))
    return graph


def _run(each: Pass, name: str, before: Graph) -> Graph:
    try:
        after = each(before)
        verify(after)
    except Refusal:
        raise
    except RuleError as error:
        raise PassError(name, error.problem, error.node) from error
    except InvalidGraph as error:
        raise PassError(name, str(error), error.node) from error
    except Exception as error:
        raise PassError(name, f"{type(error).__name__}: {error}") from error
    _verify_interface(name, before, after)
    return after


def _verify_interface(name: str, before: Graph, after: Graph) -> None:
    """What the user sees of a graph, no pass may change."""
    for what, old, new in (
        ("name", before.name, after.name),
        ("inputs", _inputs(before), _inputs(after)),
        ("outputs", _outputs(before), _outputs(after)),
    ):
        if old != new:
            raise PassError(name, f"the {what} of the graph changed from {old} to {new}")


def _inputs(graph: Graph) -> list[str]:
    return [f"{node.name}: {node.type}" for node in graph.inputs]


def _outputs(graph: Graph) -> list[str]:
    return [f"{output.label}: {graph[output.node].type}" for output in graph.outputs]


def _dump(graph: Graph, folder: Path | None, number: int, name: str) -> None:
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02}-{name}.txt").write_text(to_text(graph), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write the graph after each pass to '{folder}': {error.strerror}",
            fix="Name a folder that can be written.",
        ) from error
