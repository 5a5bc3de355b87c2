"""The loss: soft targets, class weights and cross entropy, against their definitions in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.scene.frame import UNLABELED
from sightline.scene.training.loss import class_weights, soft_targets, weighted_cross_entropy


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), seed=st.integers(0, 999))
def test_targets_are_the_parts_of_each_class_in_a_block(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1, 2, UNLABELED], (4 * rows, 4 * columns)).astype(np.uint8)
    targets = soft_targets(labels, 4)
    assert targets.shape == (4, rows, columns)
    for row in range(rows):
        for column in range(columns):
            block = labels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            wanted = [(block == each).sum() / 16 for each in range(4)]
            assert targets[:, row, column].tolist() == wanted


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_weights_are_powers_of_frequencies_with_a_mean_of_one(balance: float) -> None:
    labels = np.full((2, 4, 10), UNLABELED, np.uint8)
    labels[0] = 0
    labels[1, :1] = 2
    weights = class_weights(labels, 4, balance)
    assert (40 * weights[0] + 10 * weights[2]) / 50 == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(4**balance)
    assert weights[[1, 3]].tolist() == [0, 0], "classes that never occur"


def test_frames_without_any_label_are_refused() -> None:
    with pytest.raises(UserError, match=r"frames has a label\. Give frames"):
        class_weights(np.full((2, 4, 4), UNLABELED, np.uint8), 3, 0.5)


def test_the_loss_is_the_mean_over_labelled_pixels_of_the_weighted_surprise() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, UNLABELED], (2, 8, 12)).astype(np.uint8)
    scores = rng.normal(0, 2, (2, 3, 2, 3)).astype(np.float32)
    weights = np.array([1, 0.5, 3], np.float32)
    total, labelled = 0.0, 0
    for index, row, column in np.ndindex(labels.shape):
        label = labels[index, row, column]
        if label != UNLABELED:
            here = scores[index, :, row // 4, column // 4].astype(float)
            total += float(weights[label] * (math.log(np.exp(here).sum()) - here[label]))
            labelled += 1
    targets = np.stack([soft_targets(each, 3) for each in labels])
    loss = weighted_cross_entropy(*map(torch.from_numpy, (scores, targets, weights)))
    assert loss.item() == pytest.approx(total / labelled, rel=1e-5)


def test_a_batch_without_labels_has_no_loss() -> None:
    nothing = torch.zeros(1, 3, 2, 2)
    assert weighted_cross_entropy(nothing, nothing, torch.ones(3)).item() == 0
