"""What a finished training leaves: weights, an ONNX file, its history and a picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sightline.backends import reference
from sightline.files import new_file
from sightline.frontend import onnx
from sightline.frontend.trace import trace
from sightline.ir.types import Array
from sightline.jsontext import to_json
from sightline.models.scene import Scene
from sightline.scene.frame import ONLY_SYNTHETIC, FrameSet
from sightline.scene.training.curve import draw_curve
from sightline.scene.training.frames import PackedFrames, network_input
from sightline.scene.training.history import History
from sightline.scene.training.network import TorchScene
from sightline.scene.training.settings import Settings

AGREE = 1e-4
"""How far scores may differ, as a part of the largest of them."""


@dataclass(frozen=True)
class Result:
    """A finished training: the files in its folder, and what it measured."""

    weights: Path
    onnx: Path
    curve: Path
    record: Path
    history: History


def export(
    trained: TorchScene,
    settings: Settings,
    history: History,
    trained_on: FrameSet,
    validation: PackedFrames,
    folder: Path,
) -> Result:
    """Write `weights.npz`, `scene.onnx`, `history.json` and `curve.png` into a folder.

    Before, the network is run by the reference: what is written must be what was trained.
    """
    network = settings.network()
    network.load(trained.weights())
    network.classes = tuple(trained_on.classes)
    require_agreement(trained, network, network_input(validation.frame(0), settings.channels))
    result = Result(
        folder / "weights.npz",
        folder / "scene.onnx",
        folder / "curve.png",
        folder / "history.json",
        history,
    )
    with new_file(result.weights) as temporary:
        np.savez(temporary, **trained.weights())  # type: ignore[arg-type]
    onnx.write(trace(network), result.onnx)
    note = ONLY_SYNTHETIC if trained_on.synthetic else ""
    draw_curve(history, settings, result.curve, note)
    record = {"settings": settings.to_json(), "history": history.to_json()}
    with new_file(result.record) as temporary:
        temporary.write_text(to_json({"note": note, **record} if note else record) + "\n")
    return result


@torch.no_grad()
def require_agreement(trained: TorchScene, network: Scene, image: Array) -> None:
    """Stop, for a bug of ours, if the trained network is not the one that is exported."""
    wanted = reference.run(trace(network).graph, image=image)["scores"]
    tensor = torch.from_numpy(image)
    for way in (trained.forward, trained.literal):
        difference = np.abs(way(tensor).numpy() - wanted).max()
        if not difference <= AGREE * max(np.abs(wanted).max(), 1):
            raise AssertionError(f"PyTorch and the reference differ by {difference:g}")
