"""The command line. Arguments and printing alone: what is done lies in the modules it imports.

Only click is imported here at the top, so that `--help` answers at once.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sightline import __version__
from sightline.options import (
    fpga_options,
    frame_options,
    picture_options,
    quantization_options,
)
from sightline.terminal import Commands, progress, show_json, show_table, terminate

if TYPE_CHECKING:
    from sightline.artifact import Artifact
    from sightline.frontend.model import Model

MODEL_HELP = """
    MODEL is a .onnx file, models:NAME (as models:scene,classes=33), PACKAGE.MODULE:FACTORY, or
    the folder of an artifact.
"""

LAZY = {
    "accuracy": "sightline.quantize_commands:accuracy",
    "bench": "sightline.bench_commands:bench",
    "quantize": "sightline.quantize_commands:quantize",
    "scene": "sightline.scene.commands:scene",
    "simulate": "sightline.simulate_commands:simulate",
    "synth": "sightline.synth_commands:synth",
}
"""Commands that live elsewhere: named here, and imported when they are asked for."""


@click.group(cls=Commands, lazy=LAZY, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="sightline %(version)s")
def cli() -> None:
    """Compile a trained ConvNet to what it will run on."""


@cli.command(epilog=MODEL_HELP)
@click.argument("model")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "-t", "--target", "targets", multiple=True, help="cpu (default), cuda, fpga, reference; repeat."
)
@click.option(
    "--calibrate",
    metavar="FRAMES",
    help="Quantize, by what values are on these frames (see 'sightline quantize').",
)
@quantization_options
@frame_options
@fpga_options
@click.option(
    "--arch", metavar="SM", help="For -t cuda: the devices, sm_90 (default) and what came after."
)
@click.option(
    "--half",
    is_flag=True,
    help="For -t cuda: filter banks may round what they multiply to 16 bits.",
)
@click.option(
    "--tune",
    type=int,
    metavar="N",
    help="For -t cpu and cuda: measure N candidates of each kernel here, keep the fastest.",
)
@click.option(
    "--dump-passes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the graph's text after each pass.",
)
@click.option(
    "--force", is_flag=True, help="Replace DIR, and all that lies in it, if it is an artifact."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@picture_options
def compile(
    model: str,
    output: Path,
    targets: tuple[str, ...],
    calibrate: str | None,
    precision: tuple[str, ...],
    calibration: str | None,
    limit: int | None,
    resize: bool,
    fpga: dict[str, Any],
    arch: str | None,
    half: bool,
    tune: int | None,
    dump_passes: Path | None,
    force: bool,
    as_json: bool,
    **picture: Any,
) -> None:
    """Compile MODEL for some targets into the artifact folder DIR."""
    from sightline.artifact import why_kept
    from sightline.backends.fpga.plan_options import FpgaOptions
    from sightline.compiler import compile as compile_model
    from sightline.compiler import find_targets, options_of
    from sightline.files import require_free
    from sightline.ir.errors import UserError
    from sightline.quantizer import quantize
    from sightline.tell import compiled_as_dict, tell_compiled

    require_free(output, why_kept, force=force)
    if calibrate is None and (precision or calibration or limit or resize):
        raise UserError(
            "it is said how to quantize, but not what values are typical",
            fix="Name frames with --calibrate FRAMES.",
        )
    told = FpgaOptions(**fpga) if fpga else None
    names = targets or ("cpu",)
    find_targets(names, options_of(names, told, arch, half, tune))
    with progress() as report:
        read = _read_model(model, picture)
        if calibrate is not None:
            read = quantize(
                read,
                calibrate,
                precision,
                calibration=calibration,
                limit=limit,
                resize=resize,
                report=report,
            )
        artifact = compile_model(
            read,
            targets or ("cpu",),
            fpga=told,
            arch=arch,
            half=half,
            tune=tune,
            report=report,
            dump_passes=dump_passes,
            source=model,
        )
    artifact.save(output, force=force)
    if as_json:
        show_json(compiled_as_dict(artifact, output))
    else:
        tell_compiled(artifact, output, half=half)


@cli.command(epilog=MODEL_HELP)
@click.argument("model", metavar="DIR_OR_MODEL")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-t",
    "--target",
    help="A target of the artifact (default: its first), or for a model as it is (reference).",
)
@click.option(
    "-o",
    "--output",
    "files",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Write results: .npy, .npz, .json or .png; repeat.",
)
@click.option("--resize", is_flag=True, help="Resize pictures to the network's input.")
@click.option("--profile", is_flag=True, help="Run once more, and tell the time of each stage.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of the target cpu (default: one for each core).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results in short as JSON.")
@picture_options
def run(
    model: str,
    inputs: tuple[str, ...],
    target: str | None,
    files: tuple[str, ...],
    resize: bool,
    profile: bool,
    threads: int | None,
    as_json: bool,
    **picture: Any,
) -> None:
    """Run an artifact, or a model as it is, on INPUT: pictures, .npy, or .npz.

    Several inputs are given as NAME=FILE. A network that takes depth is given the picture and then
    the depth, as a gray picture.
    """
    from sightline.running import run_files
    from sightline.tell import tell_result

    artifact = _artifact_of(model, target, picture)
    result = run_files(
        artifact, inputs, target, files, resize=resize, profile=profile, threads=threads
    )
    if as_json:
        show_json(result.to_dict())
    else:
        tell_result(result)


@cli.command(epilog=MODEL_HELP)
@click.argument("model", metavar="MODEL_OR_DIR")
@click.option("--optimized", is_flag=True, help="Show the graph after the passes.")
@click.option("--text", "as_text", is_flag=True, help="Print the graph's text form.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def inspect(model: str, optimized: bool, as_text: bool, as_json: bool) -> None:
    """Show the nodes of a model: shapes, multiply-accumulates, parameters.

    Multiply-accumulates are those of filter banks and linear layers. Windows that reach into the
    padding count whole; planes that a connection table leaves out do not count. A parameter that
    several nodes share counts once in the total.

    Of a network in integers, each stage is shown with the ops it holds, its integers with their
    scale and zero point, the width of its sums, and the bytes of its constants and of its result.
    """
    from sightline.inspection import inspect_graph
    from sightline.ir.text import to_text
    from sightline.passes import pipeline
    from sightline.source import read
    from sightline.tell import tell_inspection

    with progress() as report:
        graph = read(model).graph
        if optimized:
            graph = pipeline.run(graph, passes=pipeline.passes_for(graph), report=report)
    if as_text:
        click.echo(to_text(graph), nl=False)
    elif as_json:
        show_json(inspect_graph(graph).to_dict())
    else:
        tell_inspection(inspect_graph(graph))


@cli.command(epilog=MODEL_HELP)
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path), metavar="OUT.onnx")
@click.option(
    "--dense",
    is_flag=True,
    help="Write zeros for planes that connection tables leave out, instead of splitting banks.",
)
def export(model: str, output: Path, dense: bool) -> None:
    """Write a float MODEL as an ONNX file, for others to run."""
    from sightline.files import require_writable
    from sightline.frontend import onnx
    from sightline.ir.errors import UserError
    from sightline.source import read

    if output.suffix.lower() != ".onnx":
        raise UserError(f"the output '{output}' is no .onnx file", fix="Name it so.")
    require_writable(output)
    onnx.write(read(model), output, dense=dense)
    click.echo(f"wrote {output}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def ops(as_json: bool) -> None:
    """List every operator, what it means, and which targets run it."""
    from sightline.inspection import list_ops

    rows = list_ops()
    if as_json:
        show_json([{"op": r.op, "meaning": r.meaning, "support": r.support} for r in rows])
        return
    targets = list(rows[0].support)
    cells = [[row.op, *row.support.values(), row.meaning] for row in rows]
    show_table(["op", *targets, "meaning"], cells, whole=["op"])


def main() -> None:
    """The program. A request to terminate cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, terminate)
    cli(prog_name="sightline")


def _read_model(source: str, picture: dict[str, Any]) -> Model:
    from sightline.picture import with_picture
    from sightline.source import read

    return with_picture(read(source), **picture)


def _artifact_of(source: str, target: str | None, picture: dict[str, Any]) -> Artifact:
    """The artifact in a folder, or one made in passing of any other model."""
    from sightline.artifact import load
    from sightline.compiler import compile as compile_model
    from sightline.picture import with_picture

    if source and Path(source).is_dir():
        artifact = load(source)
        artifact.model = with_picture(artifact.model, **picture)
        return artifact
    with progress() as report:
        model = _read_model(source, picture)
        return compile_model(model, (target or "reference",), report=report, source=source)
