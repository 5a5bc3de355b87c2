"""What the commands print for people; scripts take `--json` instead."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sightline.accuracy import Accuracy, Ratio
from sightline.artifact import Artifact
from sightline.backends.target import StageTime
from sightline.inspection import (
    InFloat,
    Inspection,
    Row,
    has_float_banks,
    in_float,
    inspect_graph,
)
from sightline.ir.types import Quant
from sightline.passes.pipeline import is_quantized
from sightline.running import RunResult
from sightline.terminal import show_table, width

WIDE = 120
"""Columns from which on there is room for the modules that nodes come from."""

NAMED = 6
"""Ops in float that are told by name; `inspect` has all of them."""


def compiled_as_dict(artifact: Artifact, folder: Path) -> dict[str, Any]:
    """What `compile --json` prints; `plan` if there is an accelerator."""
    graph, left = artifact.graph, _left_in_float(artifact)
    found: dict[str, Any] = {
        "artifact": str(folder),
        "source": artifact.source,
        "targets": list(artifact.targets),
        "inputs": {node.name: str(node.type) for node in graph.inputs},
        "outputs": {output.label: str(graph[output.node].type) for output in graph.outputs},
        "nodes": len(graph.operations),
        "macs": graph.total_macs,
        "parameters": graph.total_parameters,
        "in_float": None if left is None else [dataclasses.asdict(each) for each in left],
    }
    if "fpga" in artifact.targets:
        from sightline.accelerators import accelerator_of
        from sightline.plan_table import plan_as_dict

        found["plan"] = plan_as_dict(accelerator_of(artifact))
    return found


def tell_compiled(artifact: Artifact, folder: Path, *, half: bool = False) -> None:
    graph = artifact.graph
    click.echo(
        f"compiled {artifact.source} for {', '.join(artifact.targets)} into {folder}: "
        f"{len(graph.operations)} nodes, {graph.total_macs:,} multiply-accumulates, "
        f"{graph.total_parameters:,} parameters"
    )
    tell_in_float(_left_in_float(artifact))
    if half and not has_float_banks(graph):
        click.echo("--half changes nothing: no filter bank multiplies floats")
    if "fpga" in artifact.targets:
        from sightline.accelerators import accelerator_of
        from sightline.plan_table import tell_plan

        tell_plan(accelerator_of(artifact))


def _left_in_float(artifact: Artifact) -> tuple[InFloat, ...] | None:
    """What a quantized network computes in float; None of a network that is all float."""
    quantized = artifact.model.original is not None or is_quantized(artifact.graph)
    return in_float(artifact.graph) if quantized else None


def tell_in_float(left: Sequence[InFloat] | None) -> None:
    """One line of what is computed in float beside integers; nothing if nothing is."""
    if not left:
        return
    told = ", ".join(f"{each.op} (node {each.node})" for each in left[:NAMED])
    more = f", and {len(left) - NAMED} more" if len(left) > NAMED else ""
    click.echo(f"in float: {told}{more}")


def tell_quantized(artifact: Artifact, folder: Path) -> None:
    """What `quantize` made: its precisions are those of its values."""
    graph, original = artifact.graph, artifact.model.original
    elements = [node.type.element for node in graph.nodes]
    kept = sorted({str(each.storage) for each in elements if isinstance(each, Quant)})
    found = inspect_graph(graph)
    floats = 0 if original is None else 4 * original.total_parameters
    click.echo(
        f"quantized {artifact.source} into {folder}: {len(found.rows)} nodes, values in "
        f"{' and '.join(kept) or 'float'}, {found.constant_bytes:,} bytes of constants (in float "
        f"{floats:,})"
    )
    tell_in_float(_left_in_float(artifact))


def tell_inspection(found: Inspection) -> None:
    click.echo(f"{found.name}: {_listed(found.inputs)} -> {_listed(found.outputs)}")
    if found.stages:
        _tell_stages_of(found)
        return
    columns = ["node", "op", "type", "MACs", "parameters", "attributes"]
    rows = [
        [row.name, row.op, row.type, _count(row.macs), _count(row.parameters), row.attributes]
        for row in found.rows
    ]
    if width() >= WIDE:
        columns.append("module")
        rows = [[*cells, row.instance] for cells, row in zip(rows, found.rows, strict=True)]
    show_table(columns, rows, numbers=["MACs", "parameters"], whole=["node", "op", "type"])
    click.echo(
        f"{len(found.rows)} nodes, {found.macs:,} multiply-accumulates, "
        f"{found.parameters:,} parameters"
    )


def _tell_stages_of(found: Inspection) -> None:
    """A graph of integers: what each stage holds, its numbers, and its bytes."""
    columns = ["node", "holds", "shape", "integers", "scale", "zero", "sums", "MACs"]
    columns += ["constant B", "result B"]
    rows = [_integer_cells(row) for row in found.rows]
    if width() >= WIDE:
        columns.append("module")
        rows = [[*cells, row.instance] for cells, row in zip(rows, found.rows, strict=True)]
    show_table(columns, rows, numbers=columns[4:10], whole=["node", "shape", "integers"])
    click.echo(
        f"{len(found.rows)} nodes, {found.stages} of them stages, {found.macs:,} "
        f"multiply-accumulates, {found.constant_bytes:,} bytes of constants"
    )
    tell_in_float(found.in_float)


def _integer_cells(row: Row) -> list[str]:
    """Repeated ops of a stage are named once; bytes are those of constants, and of the result."""
    return [
        row.name,
        ", ".join(dict.fromkeys(row.ops)) or row.op,
        ",".join(map(str, row.shape)),
        row.element,
        "" if row.scale is None else f"{row.scale:.4g}",
        "" if row.zero_point is None else str(row.zero_point),
        f"i{row.sum_bits}" if row.sum_bits else "",
        _count(row.macs),
        _count(row.constant_bytes),
        _count(row.result_bytes),
    ]


def tell_result(result: RunResult) -> None:
    click.echo(f"ran on {result.target} in {1e3 * result.seconds:.1f} ms")
    for name, short in result.summaries().items():
        head = f"{name}: {short['type']}{short['shape']}"
        if "labels" in short:
            click.echo(f"{head}, labels")
            rows = [
                [row["class"], str(row["pixels"]), f"{100 * row['share']:.1f}%"]
                for row in short["labels"]
            ]
            show_table(["class", "pixels", "share"], rows, numbers=["pixels", "share"])
        elif "top" in short:
            click.echo(f"{head}, largest first")
            rows = [[row["class"], f"{row['score']:.4f}"] for row in short["top"]]
            show_table(["class", "score"], rows, numbers=["score"])
        else:
            low, high, mean = (f"{short[key]:.4g}" for key in ("min", "max", "mean"))
            click.echo(f"{head}, from {low} to {high}, mean {mean}")
    if result.stages:
        tell_stages(result.stages)
    for path in result.files:
        click.echo(f"wrote {path}")


def tell_stages(stages: Sequence[StageTime]) -> None:
    """The time of each stage, and its share of all of them."""
    total = sum(stage.seconds for stage in stages) or 1.0
    rows = [
        [stage.stage, f"{1e3 * stage.seconds:.2f}", f"{100 * stage.seconds / total:.1f}%"]
        for stage in stages
    ]
    rows.append(["all stages", f"{1e3 * total:.2f}", "100.0%"])
    show_table(["stage", "ms", "share"], rows, numbers=["ms", "share"])


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in types.items())


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def tell_accuracy(found: Accuracy) -> None:
    """Each layer's ratios of signal to noise, those of the results, and what loses most."""
    rows = [
        [
            layer.name,
            str(layer.element.storage),
            f"{layer.element.scale:.4g}",
            str(layer.element.zero_point),
            _decibels(layer.whole.decibels),
            _decibels(layer.own.decibels),
        ]
        for layer in found.layers
    ]
    columns = ["layer", "integers", "scale", "zero point", "SNR dB", "its own"]
    show_table(columns, rows, numbers=columns[2:], whole=["layer", "integers"])
    for result in found.results:
        told = f"{result.label}: {_told(result.ratio)}"
        if result.agreement is not None:
            told += f", the largest is the same at {100 * result.agreement:.2f}% of places"
        click.echo(told)
    if found.worst is not None:
        remedy = " ".join(f"--precision {shlex.quote(each)}" for each in found.worst.remedy)
        click.echo(
            f"{found.worst.name} loses most of its own ({_told(found.worst.own)}), "
            f"over {found.frames} frames" + (f"; try {remedy}" if remedy else "")
        )


def _decibels(number: float) -> str:
    return f"{number:.1f}" if math.isfinite(number) else "exact" if number > 0 else "all noise"


def _told(ratio: Ratio) -> str:
    decibels = _decibels(ratio.decibels)
    return f"{decibels} dB" if math.isfinite(ratio.decibels) else decibels
