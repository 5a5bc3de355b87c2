"""What a training measured so far, as files that are there to look at while it runs."""

from __future__ import annotations

from pathlib import Path

from sightline.files import new_file
from sightline.jsontext import to_json
from sightline.scene.frame import ONLY_SYNTHETIC
from sightline.scene.training.curve import draw_curve
from sightline.scene.training.history import History
from sightline.scene.training.settings import Settings

CURVE = "curve.png"
RECORD = "history.json"


def write_record(history: History, settings: Settings, synthetic: bool, folder: Path) -> None:
    """Write the learning curve, and settings and history as JSON.

    `synthetic` is of the frames that it is measured on, since what is told are their accuracies.
    """
    note = ONLY_SYNTHETIC if synthetic else ""
    draw_curve(history, settings, folder / CURVE, note)
    record = {"settings": settings.to_json(), "history": history.to_json()}
    with new_file(folder / RECORD) as temporary:
        temporary.write_text(to_json({"note": note, **record} if note else record) + "\n")
