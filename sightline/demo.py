"""`make demo`: oriented edges in a street, from a module of ours to a picture of its features.

Compiles `models:extractor` (contrast normalization, a bank of oriented filters, shrinkage, L2
pooling) for the CPU, runs it on docs/street.png, tells the time of each stage and how far the
result is from the reference, and draws the features beside the street.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sightline.terminal import Guarded, progress, show_table

if TYPE_CHECKING:
    from PIL import Image

    from sightline.artifact import Artifact
    from sightline.ir.types import Array

MODEL = "models:extractor"
STREET = Path(__file__).resolve().parent.parent / "docs" / "street.png"
RUNS = 5


@click.command(cls=Guarded)
@click.option("-t", "--target", default="cpu", show_default=True, help="What to compile for.")
@click.option("-o", "--output", default="build/demo.png", show_default=True, help="The picture.")
def demo(target: str, output: str) -> None:
    """Find oriented edges in a street: compile, run, and draw the features."""
    import numpy as np

    import sightline
    from sightline.files import new_file
    from sightline.inputs import read_inputs

    with progress() as report:
        artifact = sightline.compile(MODEL, [target, "reference"], report=report)
    inputs = read_inputs(artifact.model, [str(STREET)])
    ((label, features),) = artifact.run_all(inputs, target).items()
    exact = artifact.run_all(inputs, "reference")[label]
    click.echo(f"{MODEL} for the target {target}, on {STREET.name}:\n")
    show_stages(artifact, inputs, target)
    distance = float(np.abs(features - exact).max() / np.abs(exact).max())
    told = f"within {distance:.1e} of the largest feature" if distance else "to the last bit"
    click.echo(f"\nthe features equal the reference's {told}")
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as part:
        beside(STREET, features).save(part)
    click.echo(f"wrote {path}: the street and its {features.shape[1]} feature maps")


def show_stages(artifact: Artifact, inputs: dict[str, Array], target: str) -> None:
    """What each stage gives, and its time, the shortest of a few runs."""
    runs = [artifact.profile(inputs, target=target) for _ in range(RUNS)]
    shortest = {
        stage.stage: min(times[place].seconds for times in runs)
        for place, stage in enumerate(runs[0])
    }
    rows = [
        [name, *_operation(artifact, name), f"{1e3 * seconds:.2f}"]
        for name, seconds in shortest.items()
    ]
    rows.append(["all stages", "", "", f"{1e3 * sum(shortest.values()):.2f}"])
    show_table(["stage", "operation", "gives", "ms"], rows, numbers=["ms"])


def _operation(artifact: Artifact, stage: str) -> tuple[str, str]:
    """The op and the result of a stage that is named after a node."""
    node = artifact.graph.by_name.get(stage)
    return (node.op.kind, str(node.type)) if node else ("", "")


def beside(picture: Path, features: Array) -> Image.Image:
    """The picture, and to its right the montage of the features, at one height."""
    from PIL import Image

    from sightline.draw import draw_montage

    montage = draw_montage(features[0]).convert("RGB")
    with Image.open(picture) as image:
        width = image.width * montage.height // image.height
        left = image.convert("RGB").resize((width, montage.height), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (left.width + montage.width, montage.height))
    sheet.paste(left, (0, 0))
    sheet.paste(montage, (left.width, 0))
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    demo(prog_name="python -m sightline.demo")
