"""What the commands print for people; scripts take `--json` instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sightline.accuracy import Accuracy
from sightline.artifact import Artifact
from sightline.backends.target import StageTime
from sightline.inspection import Inspection
from sightline.running import RunResult
from sightline.terminal import show_table, width

WIDE = 120
"""Columns from which on there is room for the modules that nodes come from."""


def compiled_as_dict(artifact: Artifact, folder: Path) -> dict[str, Any]:
    """What `compile --json` prints."""
    graph = artifact.graph
    return {
        "artifact": str(folder),
        "source": artifact.source,
        "targets": list(artifact.targets),
        "inputs": {node.name: str(node.type) for node in graph.inputs},
        "outputs": {output.label: str(graph[output.node].type) for output in graph.outputs},
        "nodes": len(graph.operations),
        "macs": graph.total_macs,
        "parameters": graph.total_parameters,
    }


def tell_compiled(artifact: Artifact, folder: Path) -> None:
    graph = artifact.graph
    click.echo(
        f"compiled {artifact.source} for {', '.join(artifact.targets)} into {folder}: "
        f"{len(graph.operations)} nodes, {graph.total_macs:,} multiply-accumulates, "
        f"{graph.total_parameters:,} parameters"
    )


def tell_inspection(found: Inspection) -> None:
    click.echo(f"{found.name}: {_listed(found.inputs)} -> {_listed(found.outputs)}")
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
        told = f"{result.label}: {_decibels(result.ratio.decibels)} dB"
        if result.agreement is not None:
            told += f", the largest is the same at {100 * result.agreement:.2f}% of places"
        click.echo(told)
    if found.worst is not None:
        own = _decibels(found.worst.own.decibels)
        click.echo(
            f"{found.worst.name} loses most of its own ({own} dB), over {found.frames} frames; "
            f"try --precision {found.worst.name}=int16"
        )


def _decibels(number: float) -> str:
    return f"{number:.1f}" if math.isfinite(number) else "exact" if number > 0 else "all noise"
