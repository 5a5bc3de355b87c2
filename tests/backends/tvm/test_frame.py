"""Calls as the library reads them, and what is told when a kernel fails."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest

from sightline.backends.tvm.cpu import TARGET
from sightline.backends.tvm.frame import Argument, Call, Tensor, tensor_of
from sightline.backends.tvm.library import EMPTY
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.pointwise import Abs, Tanh
from sightline.ir.progress import silent
from sightline.ir.types import TensorType


def network() -> Graph:
    builder = GraphBuilder("net")
    x = builder.input("x", TensorType((2, 3)))
    builder.output(builder.add(Tanh(), builder.add(Abs(), x, name="size"), name="squashed"), "y")
    return builder.finish()


def test_structures_are_as_large_as_those_of_c() -> None:
    assert [ctypes.sizeof(each) for each in (Tensor, Argument, Call)] == [48, 16, 24]


@pytest.mark.parametrize(
    ("dtype", "code", "bits"),
    [
        ("float32", 2, 32),
        ("float64", 2, 64),
        ("int8", 0, 8),
        ("int64", 0, 64),
        ("uint16", 1, 16),
        ("bool", 6, 8),
    ],
)
def test_an_array_as_a_tensor(dtype: str, code: int, bits: int) -> None:
    array = np.zeros((2, 3, 4), dtype)
    tensor = tensor_of(array)
    assert (tensor.data, tensor.rank) == (array.ctypes.data, 3)
    assert (tensor.code, tensor.bits, tensor.lanes) == (code, bits, 1)
    assert (tensor.device_type, tensor.device_id, tensor.byte_offset) == (1, 0, 0)
    assert (tensor.shape[:3], tensor.strides[:3]) == ([2, 3, 4], [12, 4, 1])


def test_a_number_is_a_tensor_without_axes() -> None:
    tensor = tensor_of(np.zeros((), np.int32))
    assert (tensor.rank, tensor.shape[:0], tensor.strides[:0]) == (0, [], [])


def test_nothing_to_run_does_not_fail() -> None:
    assert EMPTY.run(None, 0, 3) == -1


def test_a_kernel_that_fails_is_told(tmp_path: Path) -> None:
    """A kernel refuses an array of another shape; `plan.json` was changed behind our back."""
    TARGET.compile(network(), tmp_path, silent)
    fields = json.loads((tmp_path / "plan.json").read_text())
    call = fields["calls"][-1]
    call["arguments"][0]["shape"] = [3, 2]
    (tmp_path / "plan.json").write_text(json.dumps(fields))
    executable = TARGET.load(network(), tmp_path)
    message = f"^the kernel {call['kernel']} of '{call['nodes'][0]}.*' failed$"
    frame = {"x": np.ones((2, 3), np.float32)}
    with pytest.raises(RuntimeError, match=message):
        executable.run(frame)
    with pytest.raises(RuntimeError, match=message):
        executable.profile(frame)
