"""Mistakes put into kernels of the target `cuda` on purpose: the emulator's checks find each."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.ir.build import GraphBuilder
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.table import Table
from sightline.ir.types import Int, TensorType
from sightline.ir.window import Window
from sightline.sim.cuda import emulator
from tests.support.cuda_models import compiled

RNG = np.random.default_rng(0)

BARRIER = "__syncthreads();"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank in float, whose planes come into shared memory in two parts, and one of bytes."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 96, 12, 12)))
    weights = RNG.standard_normal((96 * 8, 3, 3)).astype(np.float32)
    bank = Conv(Window((3, 3)), Table.dense(96, 8))
    net.output(net.add(Tanh(), net.add(bank, x, net.constant(weights, "w"))))
    pixels = net.input("pixels", TensorType((1, 64, 12, 12), Int(8)))
    taps = net.constant(RNG.integers(-127, 128, (64 * 16, 3, 3)).astype(np.int8), "taps")
    net.output(net.add(IntegerConv(Window((3, 3)), Table.dense(64, 16), 26), pixels, taps))
    return compiled(net.finish(), tmp_path_factory.mktemp("mutants"))


def findings(folder: Path, text: str, name: str) -> list[str]:
    """What the checks say while a frame of a changed source runs."""
    source = folder / f"{name}.cu"
    source.write_text(text)
    library = emulator.build(source, folder / name, checked=True)
    pixels = RNG.integers(-128, 128, (1, 64, 12, 12)).astype(np.int8)
    with Model(folder, library=library) as model:
        with suppress(ModelError):
            model.run(x=np.ones((1, 96, 12, 12), np.float32), pixels=pixels)
        found = emulator.findings(model.library)
        emulator.forget(model.library)
        return found


def replaced(text: str, old: str, new: str, number: int = 0) -> str:
    """The text with another word in place of one."""
    parts = text.split(old)
    assert len(parts) > number + 1
    return old.join(parts[: number + 1]) + new + old.join(parts[number + 1 :])


def test_nothing_is_found_where_nothing_is_wrong(folder: Path) -> None:
    text = (folder / "model.cu").read_text()
    assert text.count(BARRIER) == 3
    assert findings(folder, text, "sound") == []


@pytest.mark.parametrize("number", range(3))
def test_a_missing_barrier(folder: Path, number: int) -> None:
    text = replaced((folder / "model.cu").read_text(), BARRIER, ";", number)
    [found] = findings(folder, text, f"missing_{number}")
    kernel = "conv_0_kernel" if number < 2 else "integer_conv_1_kernel"
    assert found.startswith(f"data race in kernel '{kernel}'")


@pytest.mark.parametrize("number", range(3))
def test_a_barrier_that_some_do_not_reach(folder: Path, number: int) -> None:
    some = f"{BARRIER} if (threadIdx.x % 2) {BARRIER}"
    text = replaced((folder / "model.cu").read_text(), BARRIER, some, number)
    [found] = findings(folder, text, f"divergent_{number}")
    # Lanes that go on to the tensor cores wait there for those that wait at the barrier.
    assert found.startswith(f"divergent {'barrier' if number < 2 else 'warp operation'} in kernel")


@pytest.mark.parametrize(
    ("array", "beyond"), [("pixels_shared_ptr", 4000), ("taps_shared_ptr", 72), ("y_ptr", 800)]
)
def test_an_index_beyond_the_end(folder: Path, array: str, beyond: int) -> None:
    text = (folder / "model.cu").read_text()
    stored = re.search(rf"^ +{array}\[", text, re.MULTILINE)
    assert stored is not None
    changed = f"{text[: stored.end()]}{beyond} + {text[stored.end() :]}"
    [found] = findings(folder, changed, f"beyond_{array}")
    assert found.startswith("out of bounds in kernel 'conv_0_kernel'")
