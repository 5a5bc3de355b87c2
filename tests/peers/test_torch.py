"""Every op that the peer torch takes is the reference's; what it lacks it names."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends import reference
from sightline.frontend.model import Model
from sightline.frontend.trace import trace
from sightline.ir.build import graph_of_sample
from sightline.ir.errors import UserError
from sightline.ir.op import Sample
from sightline.ir.ops.movement import Pad, Slice
from sightline.ir.ops.pooling import AveragePool, LPPool, MaxPool
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.models.lenet import lenet5
from sightline.models.scene import scene
from sightline.models.torch7 import torch7
from sightline.peers.peer import Subject
from sightline.peers.pytorch import PEER, Program
from sightline.peers.torch_ops import RULES
from tests.support.onnxruntime import assert_close


def check_sample(sample: Sample) -> None:
    graph = graph_of_sample(sample)
    inputs = {f"x{index}": array for index, array in enumerate(sample.data)}
    found = Program(graph).run(inputs)["y"]
    expected = reference.run(graph, **inputs)["y"]
    assert found.dtype == expected.dtype
    assert_close(found, expected, 1e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("op", RULES, ids=lambda op: op.kind)
def test_every_op_is_the_references(op: type, seed: int) -> None:
    check_sample(op.sample(np.random.default_rng(seed)))  # type: ignore[attr-defined]


def maps(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "op",
    [
        MaxPool(Window((2, 2), (2, 2), (0, 0, 1, 1))),
        MaxPool(Window((2, 2), (1, 1), (2, 2, 2, 2), (4, 4))),
        AveragePool(Window((3, 3), (2, 2), (1, 1, 1, 1)), (1, 1, 1, 1)),
        AveragePool(Window((3, 3), (2, 2), (1, 1, 1, 1)), (0, 0, 1, 1)),
        AveragePool(Window((3, 3), (1, 1), (1, 1, 1, 1), (2, 2))),
        LPPool(Window((2, 2), (2, 2)), 1.5),
        Slice((0, 2, 7, 0), (1, 0, -1, 6), (1, -1, -3, 2)),
        Pad((0, 0, 1, 2, 0, 0, 2, 1), "edge"),
        Pad((1, 1, 1, 1, 1, 1, 1, 1), "constant", -2.0),
    ],
    ids=str,
)
def test_forms_that_samples_seldom_have(op: MaxPool) -> None:
    check_sample(Sample(op, (maps(1, 3, 8, 9),)))


def test_a_network_by_several_threads_is_the_references() -> None:
    model = trace(lenet5())
    x = maps(1, 1, 32, 32)
    (form,) = PEER.prepare(Subject(model, 2, []))
    assert form.name == ""
    expected = reference.run(model.graph, image=x)
    found = form.run({"image": x})
    assert list(found) == list(expected)
    assert_close(np.asarray(found["scores"]), expected["scores"], 1e-5)


def test_the_same_memory_serves_every_frame() -> None:
    """Values are let go of after their last use, constants are not."""
    program = Program(trace(lenet5()).graph)
    first = program.run({"image": maps(1, 1, 32, 32)})
    assert np.array_equal(first["scores"], program.run({"image": maps(1, 1, 32, 32)})["scores"])
    reads = [name for step in program.steps for name in step.last_uses]
    assert len(reads) == len(set(reads)) == len(program.steps)


def test_what_torch_lacks_is_named() -> None:
    with pytest.raises(UserError, match=r"torch_subtractive_norm is not among the ops that are r"):
        Program(trace(torch7()).graph)


def test_the_scene_network_is_the_references() -> None:
    graph = trace(scene(height=32, width=48)).graph
    x = maps(1, 3, 32, 48)
    found = Program(graph).run({"image": x})["scores"]
    assert_close(found, reference.run(graph, image=x)["scores"], 1e-4)


def test_what_pytorch_does_not_take_is_told_before_anything_is_measured() -> None:
    graph = graph_of_sample(Sample(Pad((0, 0, 2, 2) * 2, "edge"), (maps(1, 3, 4, 4),)))
    wrong = {"x0": maps(2, 2)}
    with pytest.raises(
        UserError, match=r"^torch refuses the network: Padding size 4 is not supported for 2D input"
    ):
        PEER.prepare(Subject(Model(graph), 1, [wrong]))


def test_integers_are_refused() -> None:
    model = Model(trace(lenet5()).graph)
    with pytest.raises(UserError, match=r"^torch runs float networks alone, and this one is in in"):
        PEER.prepare(Subject(model, 1, [], integers=True))


def test_edges_of_batches_are_refused() -> None:
    with pytest.raises(UserError, match=r"padding by 'edge' of batches or maps is nothing that"):
        check_sample(Sample(Pad((0, 1, 0, 0) * 2, "edge"), (maps(1, 3, 4, 4),)))
