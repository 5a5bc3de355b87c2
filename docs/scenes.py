"""Draws docs/scenes.png: synthetic test frames, and what the trained networks make of them.

python docs/scenes.py [OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from sightline.scene.drawing import draw_frame
from sightline.scene.evaluation import timed_labels
from sightline.scene.generator import Synthetic
from sightline.scene.labeling import open_labeler
from sightline.scene.superpixels import Way

FRAMES = (0, 3, 5, 7)


def scenes() -> Image.Image:
    """A row for each frame: picture, truth, labels by one scale and by three, and depth."""
    one = open_labeler("models:scene,scales=1,trained=true", "cpu")
    three = open_labeler("models:scene,trained=true", "cpu")
    frames = Synthetic("test", max(FRAMES) + 1)
    rows = []
    for index in FRAMES:
        frame, name = frames.frame(index), frames.name(index)
        planes = three.planes_of(frame, name)
        by_three = timed_labels(three, planes, name, (Way.PIXEL, Way.MAJORITY))
        labels = {
            "one scale": timed_labels(one, planes, name, (Way.PIXEL,))[Way.PIXEL][0],
            "three scales": by_three[Way.PIXEL][0],
            "three scales, superpixels": by_three[Way.MAJORITY][0],
        }
        rows.append(draw_frame(frame, labels, frames.classes))
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * row.height))
    return sheet


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("scenes.png")
    scenes().save(out, optimize=True)
