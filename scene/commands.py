"""`sightline scene`: arguments and printing alone, as in `sightline/cli.py`.

Only click, the terminal and what is as light are imported here at the top, so that `--help` answers
at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sightline.ir.errors import UserError
from sightline.scene.training.settings import Settings
from sightline.scene.wording import counted
from sightline.terminal import Commands, progress, show_error, show_json

DEFAULT_MODEL = "models:scene,trained=true"

DATA_HELP = """
    SET is synthetic:SPLIT (train, validation or test), stanford:DIR, siftflow:DIR, nyu:DIR, or
    folder:DIR as `sightline scene generate` writes it.
"""
MODEL_HELP = f"""
    MODEL is a .onnx file, models:NAME, PACKAGE.MODULE:FACTORY, or the folder of an artifact; it is
    {DEFAULT_MODEL} unless another is named.
"""
TARGET_HELP = "A target of the artifact (default: its first), or for a model (cpu)."


def height_and_width(text: str) -> tuple[int, int]:
    """The size that 320x240 names, as arrays have it."""
    match = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", text, re.ASCII)
    width, height = map(int, match.groups()) if match else (0, 0)
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise UserError(
            f"'{text}' is no width and height of 16 to 4096 pixels", fix="Write --size 320x240."
        )
    return height, width


FOLDER = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)
SEED = click.IntRange(min=0)
RATE = click.FloatRange(min=0, max=1, min_open=True)
PART = click.FloatRange(min=0, max=1)


def setting(
    option: str, name: str, kind: click.ParamType[Any], text: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that is a setting of trainings, and shows what it is by default."""
    metavar = "X" if isinstance(kind, click.FloatRange) else "N"
    default = getattr(Settings, name)
    return click.option(
        option, type=kind, metavar=metavar, default=default, show_default=True, help=text
    )


@click.group(cls=Commands)
def scene() -> None:
    """Label every pixel of a scene; train for it, and measure it."""


@scene.command(epilog=MODEL_HELP)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=FOLDER)
@click.option("-o", "--output", required=True, type=FOLDER, metavar="DIR")
@click.option("-m", "--model", default=DEFAULT_MODEL, metavar="MODEL", help="What labels them.")
@click.option("-t", "--target", help=TARGET_HELP)
@click.option(
    "--superpixels",
    type=click.Choice(["majority", "mean"]),
    help="Label whole segments: by a vote, or by the mean of their pixels' distributions.",
)
@click.option(
    "--resize",
    is_flag=True,
    help="Resize pictures to the network's input, whole; evaluate and train crop to its shape.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def label(
    context: click.Context,
    paths: tuple[Path, ...],
    output: Path,
    model: str,
    target: str | None,
    superpixels: str | None,
    resize: bool,
    as_json: bool,
) -> None:
    """Label pictures, and those in folders, into the folder DIR.

    For each NAME.png, NAME.overlay.png shows the labels, and the pixels of NAME.labels.png are
    them. A network that takes depth finds it in NAME.depth.png, a gray picture. Pictures that
    cannot be labeled are skipped and named, and the exit status is 1.
    """
    from sightline.scene.commands_label import label_into, plan
    from sightline.scene.labeling import open_labeler
    from sightline.scene.superpixels import Way

    planned = plan(paths, output)
    way = Way(superpixels) if superpixels else Way.PIXEL
    with progress() as report:
        labeler = open_labeler(model, target, report)
        done = label_into(planned, labeler, way, resize=resize, report=report)
    if as_json:
        show_json(done.to_dict())
    elif done.labeled:
        pictures = counted(len(planned), "picture")
        click.echo(f"labeled {len(done.labeled)} of {pictures} into {output}")
    for each in done.skipped:
        show_error(f"skipped: {each.reason}")
    if done.skipped:
        were = "was" if len(done.skipped) == 1 else "were"
        show_error(f"{len(done.skipped)} of {counted(len(planned), 'picture')} {were} skipped.")
        context.exit(1)


@scene.command(epilog=MODEL_HELP + DATA_HELP)
@click.option("-m", "--model", "models", multiple=True, metavar="MODEL", help="Repeat to compare.")
@click.option("-t", "--target", help=TARGET_HELP)
@click.option(
    "--data", default="synthetic:test", metavar="SET", show_default=True, help="The frames."
)
@click.option("--frames", type=COUNT, metavar="N", help="Only the first N frames.")
@click.option("--superpixels", is_flag=True, help="Label by superpixels too, in both ways.")
@click.option("-o", "--output", type=FOLDER, metavar="DIR", help="Write pictures and JSON there.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def evaluate(
    models: tuple[str, ...],
    target: str | None,
    data: str,
    frames: int | None,
    superpixels: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Tell how well networks label a set's frames, and how fast.

    The accuracy of pixels is the part of all that are right; that of classes is the mean over the
    classes of the part that is right of each. Into DIR go the confusion matrices, and a few frames
    with their truth and their labels.
    """
    from sightline.scene.commands_evaluate import Comparison, tell, write
    from sightline.scene.datasets import open_frames
    from sightline.scene.evaluation import evaluate as evaluate_one
    from sightline.scene.evaluation import require_fits
    from sightline.scene.labeling import open_labeler
    from sightline.scene.places import require_place
    from sightline.scene.superpixels import Way

    if output:
        require_place(output)
    ways = tuple(Way) if superpixels else (Way.PIXEL,)
    with progress() as report:
        labelers = [open_labeler(each, target, report) for each in models or (DEFAULT_MODEL,)]
        sets = [open_frames(data, frames, labeler.size, report) for labeler in labelers]
        pairs = list(zip(labelers, sets, strict=True))
        for labeler, each in pairs[1:]:  # the first one's mistakes are told before it runs
            require_fits(labeler, each)
        found = [evaluate_one(labeler, each, ways, report=report) for labeler, each in pairs]
        comparison = Comparison(data, found)
        if output:
            comparison = write(comparison, labelers, sets, output)
    if as_json:
        show_json(comparison.to_dict())
    else:
        tell(comparison)


@scene.command(epilog=DATA_HELP)
@click.option("-o", "--output", required=True, type=FOLDER, metavar="DIR")
@setting("--scales", "scales", COUNT, "Of the picture.")
@click.option("--rgbd", is_flag=True, help="Train on depth too, as a fourth plane.")
@click.option("--size", default="320x240", show_default=True, metavar="WxH", help="Of the frames.")
@click.option(
    "--y-maps", type=COUNT, metavar="N", help="Of 16 in layer 1, for Y alone.  [default: 10, or 8]"
)
@setting("--block2", "block2", COUNT, "Neighbouring maps of layer 2 with the same inputs.")
@setting("--block3", "block3", COUNT, "The same of layer 3.")
@setting("--steps", "steps", COUNT, "Of the schedule, a batch each.")
@setting("--batch", "batch", COUNT, "Frames in a step.")
@setting("--rate", "learning_rate", RATE, "The largest learning rate.")
@setting("--balance", "class_balance", PART, "0 counts pixels alike, 1 classes alike.")
@setting("--seed", "seed", SEED, "Of weights and batches.")
@click.option("--frames", type=COUNT, metavar="N", help="Only the first N frames of the data.")
@click.option(
    "--data", default="synthetic:train", metavar="SET", show_default=True, help="Frames to learn."
)
@click.option("--validation", metavar="SET", help="Frames to measure on.")
@click.option("--resume", is_flag=True, help="Go on from DIR's checkpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def train(
    output: Path,
    frames: int | None,
    data: str,
    validation: str | None,
    resume: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Train the scene-labeling network into the folder DIR.

    DIR holds the weights, the network as ONNX, the learning curve, and the checkpoint from which a
    training that was stopped goes on with --resume; the other options must then be the same. What
    is learned on synthetic scenes is measured on synthetic:validation unless you say otherwise.
    At each check a line on stderr tells how far it is, and DIR gets its history so far.
    """
    from sightline.scene.commands_train import run, tell

    choices["size"] = height_and_width(choices["size"])
    with progress() as report:
        done = run(output, data, validation, frames, choices, resume=resume, report=report)
    if as_json:
        show_json(done.to_dict())
    else:
        tell(done)


@scene.command()
@click.option("-o", "--output", required=True, type=FOLDER, metavar="DIR")
@click.option("--frames", type=COUNT, metavar="N", default=20, show_default=True, help="How many.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Worlds of one never occur in another.",
)
@click.option(
    "--seed", type=SEED, metavar="N", default=0, show_default=True, help="Other frames for each."
)
@click.option("--sequence", is_flag=True, help="One world, through which the camera moves.")
@click.option("--size", default="320x240", show_default=True, metavar="WxH", help="Of the frames.")
@click.option("--no-depth", is_flag=True, help="Write no depth.")
@click.option("--force", is_flag=True, help="Replace DIR if it holds generated frames alone.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def generate(
    output: Path,
    frames: int,
    split: str,
    seed: int,
    sequence: bool,
    size: str,
    no_depth: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make synthetic scenes with their truth, into the folder DIR.

    Each is NAME.png, NAME.labels.png (a pixel's value is its class) and NAME.depth.png (16 bits of
    gray, near white); scene.json names the classes. `--data folder:DIR` reads them.
    """
    from sightline.scene.datasets.folder import write_set
    from sightline.scene.generator import Synthetic

    made = Synthetic(split, frames, seed, *height_and_width(size), sequence=sequence)
    with progress() as report:
        write_set(made, output, depth=not no_depth, force=force, report=report)
    if as_json:
        show_json({"folder": str(output), "frames": frames, "classes": list(made.classes)})
    else:
        click.echo(f"wrote {counted(frames, 'frame')} into {output}")
