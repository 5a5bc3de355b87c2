"""How wrong scores are: cross entropy at a quarter of the size, each class by its weight."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.models.scene import STRIDE
from sightline.scene.frame import UNLABELED


def soft_targets(labels: Array, classes: int) -> Array:
    """The part of each class in each 4x4 block of labels `[H, W]`, as `[classes, H/4, W/4]`.

    What is not labelled is no part of anything: the parts of a block sum to its labelled part.
    """
    rows, columns = labels.shape[0] // STRIDE, labels.shape[1] // STRIDE
    blocks = np.arange(rows * columns).reshape(rows, columns)
    block = blocks.repeat(STRIDE, 0).repeat(STRIDE, 1)
    known = labels != UNLABELED
    places = labels[known].astype(np.intp) * blocks.size + block[known]
    counts = np.bincount(places, minlength=classes * blocks.size)
    parts: Array = counts.reshape(classes, rows, columns) / np.float32(STRIDE**2)
    return parts.astype(np.float32)


def class_weights(labels: Array, classes: int, balance: float) -> Array:
    """The weight of each class: its frequency to the power of `-balance`.

    They are scaled so that the mean over labelled pixels is 1; a class that never occurs has none.
    """
    require_labels(labels, "training")
    counts = np.zeros(classes)
    for frame in labels:
        counts += np.bincount(frame.ravel(), minlength=classes)[:classes]
    present = counts > 0
    frequencies = counts / counts.sum()
    weights = np.zeros(classes)
    weights[present] = frequencies[present] ** -balance
    weights /= (weights * frequencies).sum()
    return weights.astype(np.float32)


def require_labels(labels: Array, what: str) -> None:
    """Refuse frames of which nobody said anything."""
    if not any((frame != UNLABELED).any() for frame in labels):
        raise UserError(
            f"no pixel of the {what} frames has a label", fix="Give frames that have some."
        )


def weighted_cross_entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean over labelled pixels of weight x -log p(class), p the softmax of the scores."""
    surprise = -torch.log_softmax(scores, 1) * weights.view(-1, 1, 1)
    return (surprise * targets).sum() / targets.sum().clamp(min=1)
