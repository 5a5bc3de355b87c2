"""How good a network is on frames that it is not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sightline.ir.progress import Report
from sightline.scene.frame import FrameSet
from sightline.scene.measures import Confusion, enlarge
from sightline.scene.training.frames import PackedFrames, network_input, pack
from sightline.scene.training.history import Check
from sightline.scene.training.loss import require_labels, soft_targets, weighted_cross_entropy
from sightline.scene.training.network import TorchScene
from sightline.scene.training.settings import Settings


@dataclass(frozen=True)
class Validation:
    """Some frames of the validation set, spread over all of it, the same at each check."""

    frames: PackedFrames
    settings: Settings
    classes: tuple[str, ...]
    synthetic: bool

    @classmethod
    def of(cls, frames: FrameSet, settings: Settings, report: Report) -> Validation:
        count = min(len(frames), settings.check_frames)
        spread = [place * len(frames) // count for place in range(count)]
        packed = pack(frames, spread, settings, "reading validation frames", report)
        require_labels(packed.labels, "validation")
        return cls(packed, settings, tuple(frames.classes), frames.synthetic)

    @torch.no_grad()
    def check(self, network: TorchScene, weights: Tensor, step: int) -> Check:
        """The loss, and at full size the accuracies, frame by frame without jitter."""
        confusion = Confusion(self.settings.classes)
        losses = []
        for index in range(len(self.frames)):
            frame = self.frames.frame(index)
            scores = network(torch.from_numpy(network_input(frame, self.settings.channels)))
            targets = torch.from_numpy(soft_targets(frame.labels, self.settings.classes)[None])
            losses.append(weighted_cross_entropy(scores, targets, weights).item())
            labels = enlarge(scores[0].numpy(), frame.labels.shape).argmax(0)
            confusion.add(frame.labels, labels)
        return Check(
            step,
            float(np.mean(losses)),
            confusion.pixel_accuracy,
            confusion.class_accuracy,
            tuple(confusion.class_accuracies),
        )
