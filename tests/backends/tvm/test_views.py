"""Simpler shapes leave the meaning of an op as it is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import BroadcastableShapes, mutually_broadcastable_shapes

from sightline.backends.tvm.views import merged, simplest
from sightline.ir.ops.arithmetic import Sub
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.types import TensorType


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=5, max_side=4), st.booleans())
def test_merged_axes_broadcast_the_same(drawn: BroadcastableShapes, alone: bool) -> None:
    shapes = drawn.input_shapes[:1] if alone else drawn.input_shapes
    arrays = [np.arange(np.prod(shape), dtype=np.float64).reshape(shape) for shape in shapes]
    fewer = merged(*shapes)
    assert len(set(map(len, fewer))) == 1
    views = [array.reshape(shape) for array, shape in zip(arrays, fewer, strict=True)]
    wanted = arrays[0] if alone else arrays[0] - 10.0 * arrays[1]
    found = views[0] if alone else views[0] - 10.0 * views[1]
    np.testing.assert_array_equal(found.ravel(), wanted.ravel())


def test_axes_that_behave_the_same_are_one() -> None:
    assert merged((2, 3, 8, 8), (3, 1, 1)) == ((2, 3, 64), (1, 3, 1))
    assert merged((1, 16, 240, 320)) == ((300, 4096),)
    assert merged((), ()) == ((1,), (1,))


def test_nodes_of_other_shapes_come_to_share_a_kernel() -> None:
    seen = [simplest(Tanh(), (TensorType(shape),)) for shape in ((2, 3, 4), (1, 24), (4, 3, 2, 1))]
    assert seen[0] == seen[1] == seen[2]
    flat, maps = TensorType((1, 8, 6)), TensorType((1, 8, 1, 6))
    assert simplest(Sub(), (flat, flat)) == simplest(Sub(), (maps, maps))
