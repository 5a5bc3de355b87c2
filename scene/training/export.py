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
from sightline.models.scene import Scene
from sightline.scene.training.frames import network_input
from sightline.scene.training.history import History
from sightline.scene.training.network import TorchScene
from sightline.scene.training.record import CURVE, RECORD, write_record
from sightline.scene.training.settings import Settings
from sightline.scene.training.validation import Validation

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
    validation: Validation,
    folder: Path,
) -> Result:
    """Write `weights.npz`, `scene.onnx`, `history.json` and `curve.png` into a folder.

    Before, the network is run by the reference: what is written must be what was trained.
    """
    network = settings.network()
    network.load(trained.weights())
    network.classes = validation.classes
    image = network_input(validation.frames.frame(0), settings.channels)
    require_agreement(trained, network, image)
    result = Result(
        folder / "weights.npz",
        folder / "scene.onnx",
        folder / CURVE,
        folder / RECORD,
        history,
    )
    with new_file(result.weights) as temporary:
        np.savez(temporary, **trained.weights())  # type: ignore[arg-type]
    onnx.write(trace(network), result.onnx)
    write_record(history, settings, validation.synthetic, folder)
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
