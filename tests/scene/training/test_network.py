"""The network in PyTorch is the one of models/scene.py: same names, same numbers, its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.frontend.trace import trace
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.types import Array
from sightline.models.scene import Scene
from sightline.scene.training import bands
from sightline.scene.training.network import FilterBank, TorchScene
from sightline.scene.training.settings import Settings


def small(**changes: int) -> Scene:
    return Settings(**{"height": 32, "width": 48, "classes": 5} | changes).network()


def image(network: Scene, seed: int = 0) -> Array:
    """A smooth picture with a flat corner, where normalization meets its floor."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(0, 0.05, network.inputs["image"]), 3) + 0.5
    x[:, :, :20, :24] = 0.25
    return x.astype(np.float32)


def assert_close(found: Array, wanted: Array, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


@pytest.mark.parametrize("scales", [1, 3])
@pytest.mark.parametrize("channels", [3, 4])
def test_both_ways_give_the_scores_of_the_reference(scales: int, channels: int) -> None:
    network = small(scales=scales, channels=channels, seed=scales)
    x = image(network)
    wanted = reference.run(trace(network).graph, image=x)["scores"]
    with torch.no_grad():
        torched = TorchScene(network)
        assert_close(torched(torch.from_numpy(x)).numpy(), wanted)
        assert_close(torched.literal(torch.from_numpy(x)).numpy(), wanted)


def test_both_ways_give_the_scores_of_the_reference_at_half_the_full_size() -> None:
    network = Settings(height=120, width=160, scales=2).network()
    x = image(network)
    wanted = reference.run(trace(network).graph, image=x)["scores"]
    with torch.no_grad():
        torched = TorchScene(network)
        assert_close(torched(torch.from_numpy(x)).numpy(), wanted)
        assert_close(torched.literal(torch.from_numpy(x)).numpy(), wanted)


@pytest.mark.parametrize("scales", [1, 3])
def test_both_ways_have_the_same_gradients(scales: int) -> None:
    network = small(scales=scales)
    images = torch.from_numpy(np.concatenate([image(network, seed) for seed in range(2)]))
    gradients = []
    for way in ("forward", "literal"):
        torched = TorchScene(network)
        getattr(torched, way)(images).square().mean().backward()
        gradients.append(
            {n: p.grad.numpy() for n, p in torched.named_parameters() if p.grad is not None}
        )
    assert set(gradients[0]) == set(gradients[1]) == set(network.parameters())
    for name, gradient in gradients[0].items():
        assert_close(gradient, gradients[1][name], 1e-4)


def test_weights_have_the_names_and_values_of_the_module_and_go_back_into_it() -> None:
    network = small(seed=3)
    weights = TorchScene(network).weights()
    for name, array in network.parameters().items():
        np.testing.assert_array_equal(weights.pop(name), array)
    assert not weights
    other = small(seed=4, block2=6)
    with torch.no_grad():
        torched = TorchScene(network)
        for parameter in torched.parameters():
            parameter.mul_(0.5)
    other.load(torched.weights())
    np.testing.assert_array_equal(other.classifier.weight, network.classifier.weight / 2)


def test_training_leaves_the_module_it_began_with_alone() -> None:
    network = small()
    before = network.classifier.weight.copy()
    with torch.no_grad():
        for parameter in TorchScene(network).parameters():
            parameter.zero_()
    np.testing.assert_array_equal(network.classifier.weight, before)


def test_a_bank_is_zero_where_its_table_joins_nothing() -> None:
    network = small(block2=3, block3=5)
    for part in dict(network.features.parts()).values():
        if not hasattr(part, "table"):
            continue
        dense = FilterBank(part).dense().detach().numpy()  # type: ignore[arg-type]
        for block in part.table.blocks():
            for place, output in enumerate(range(block.first, block.last)):
                first = block.first_pair + place * len(block.inputs)
                wanted = np.zeros_like(dense[output])
                wanted[list(block.inputs)] = part.weight[first : first + len(block.inputs)]  # type: ignore[attr-defined]
                np.testing.assert_array_equal(dense[output], wanted)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 99))
def test_the_pyramid_steps_are_those_of_the_ops(rows: int, columns: int, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 3, rows, columns)).astype(np.float32)
    down, up = PyramidDown().evaluate(x), PyramidUp((2 * rows, 2 * columns)).evaluate(x)
    np.testing.assert_allclose(bands.pyramid_down(torch.from_numpy(x)), down, atol=1e-6)
    np.testing.assert_allclose(bands.pyramid_up(torch.from_numpy(x)), up, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 24),
    columns=st.integers(1, 24),
    size=st.tuples(st.sampled_from([1, 5, 15]), st.sampled_from([3, 15])),
    level=st.sampled_from([0.0, 1.0, 1000.0]),
)
def test_normalization_is_that_of_the_op_even_far_from_zero(
    rows: int, columns: int, size: tuple[int, int], level: float
) -> None:
    rng = np.random.default_rng(rows * columns)
    x = (level + rng.normal(0, 0.02, (2, 3, rows, columns))).astype(np.float32)
    norm = LocalNorm(size)
    np.testing.assert_allclose(
        bands.local_norm(torch.from_numpy(x), norm), norm.evaluate(x), rtol=0, atol=1e-5
    )
