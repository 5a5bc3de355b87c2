"""`sightline quantize` and `sightline accuracy`: arguments and printing alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sightline.options import frame_options, picture_options, quantization_options
from sightline.terminal import progress, show_json

FRAMES_HELP = """
    FRAMES is a folder of pictures, or of .npy files, or one .npy or .npz file of many frames.
"""


@click.command(epilog=FRAMES_HELP)
@click.argument("model")
@click.argument("frames")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR")
@quantization_options
@frame_options
@click.option(
    "--force", is_flag=True, help="Replace DIR, and all that lies in it, if it is an artifact."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@picture_options
def quantize(
    model: str,
    frames: str,
    output: Path,
    precision: tuple[str, ...],
    calibration: str | None,
    limit: int | None,
    resize: bool,
    force: bool,
    as_json: bool,
    **picture: Any,
) -> None:
    """Turn MODEL into integers, by what its values are on FRAMES, and write them as an artifact.

    DIR is a model too: compile it for any target. Its target `reference` says what the integers
    are that every other target gives.
    """
    from sightline.artifact import why_kept
    from sightline.compiler import compile as compile_model
    from sightline.files import require_free
    from sightline.picture import with_picture
    from sightline.quantizer import quantize as quantize_model
    from sightline.source import read
    from sightline.tell import compiled_as_dict, tell_quantized

    require_free(output, why_kept, force=force)
    with progress() as report:
        quantized = quantize_model(
            with_picture(read(model), **picture),
            frames,
            precision,
            calibration=calibration,
            limit=limit,
            resize=resize,
            report=report,
        )
        artifact = compile_model(quantized, ("reference",), report=report, source=model)
    artifact.save(output, force=force)
    if as_json:
        show_json(compiled_as_dict(artifact, output))
    else:
        tell_quantized(artifact, output)


@click.command(epilog=FRAMES_HELP)
@click.argument("artifact", metavar="DIR")
@click.argument("frames")
@frame_options
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@picture_options
def accuracy(
    artifact: str, frames: str, limit: int | None, resize: bool, as_json: bool, **picture: Any
) -> None:
    """Compare the integers of the artifact DIR with the float network they were made of.

    For each layer the ratio of signal to noise, of what it gives in the network, and of its own
    part in it; for each result the ratio, and how often the largest score is the same.
    """
    from sightline.accuracy import measure, require_folder, require_original
    from sightline.artifact import load
    from sightline.frames import frames_of
    from sightline.picture import with_picture
    from sightline.tell import tell_accuracy

    require_folder(artifact)
    model = with_picture(load(artifact).model, **picture)
    original = require_original(model)
    given = frames_of(model, frames, limit=limit, resize=resize)
    with progress() as report:
        found = measure(original, model.graph, given, report)
    if as_json:
        show_json(found.to_dict())
    else:
        tell_accuracy(found)
