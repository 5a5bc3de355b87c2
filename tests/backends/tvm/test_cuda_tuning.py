"""What `compile -t cuda --tune` measures, chooses and keeps, with the emulator as the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.backends.tvm.build import MODEL, Choice
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.gpu import nvcc, tuning
from sightline.backends.tvm.gpu.folder_files import folder_files
from sightline.backends.tvm.gpu.network import lower
from sightline.backends.tvm.lowering import Signature
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pointwise import Relu
from sightline.ir.progress import silent
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from sightline.sim.cuda import emulator
from tests.support.command_line import fails
from tests.support.cpu import assert_is_reference
from tests.support.cuda_models import run_with

RNG = np.random.default_rng(0)
OPTIONS = CudaOptions()


def network() -> tuple[Graph, dict[str, Array]]:
    """A bank of floats, one of bytes, and what has no tile."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 16, 14, 17)))
    weights = RNG.standard_normal((16 * 24, 3, 3)).astype(np.float32) / 12
    net.output(net.add(Conv(Window((3, 3)), Table.dense(16, 24)), x, net.constant(weights, "w")))
    net.output(net.add(Relu(), x))
    pixels = net.input("pixels", TensorType((1, 32, 14, 17), Int(8)))
    taps = net.constant(RNG.integers(-127, 128, (32 * 24, 3, 3)).astype(np.int8), "taps")
    net.output(net.add(IntegerConv(Window((3, 3)), Table.dense(32, 24), 26), pixels, taps))
    inputs: dict[str, Array] = {
        "x": RNG.standard_normal((1, 16, 14, 17)).astype(np.float32),
        "pixels": RNG.integers(-128, 128, (1, 32, 14, 17)).astype(np.int8),
    }
    return net.finish(), inputs


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator in the place of nvcc and a device, and a cache of its own."""

    def built(folder: Path, arch: str) -> Path:
        return emulator.build(folder / "model.cu", tmp_path / "emulated", checked=False)

    monkeypatch.setattr(nvcc, "check_device", lambda: None)
    monkeypatch.setattr(nvcc, "build", built)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def tuned(graph: Graph, count: int) -> dict[Signature, Choice]:
    return tuning.tune(graph, OPTIONS, count, silent)


def test_every_candidate_computes_the_same() -> None:
    graph, inputs = network()
    signatures = {step.signature for step in lower(graph, OPTIONS, silent).steps}
    sources = set()
    for choice in (*tuning.candidates(4), Choice(7), Choice(40, True), Choice(10**6)):
        usable = {s: choice for s in signatures if tuning.is_built(s, choice, OPTIONS)}
        found = lower(graph, OPTIONS, silent, usable)
        sources.add(found.source)

        def run(_: Graph, given: dict[str, Array], made: object = found) -> dict[str, Array]:
            return run_with(folder_files(made, OPTIONS, ""), given)  # type: ignore[arg-type]

        assert_is_reference(graph, inputs, run=run)  # type: ignore[arg-type]
    assert len(sources) >= 4


@pytest.mark.usefixtures("device")
def test_what_was_measured_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    graph, _ = network()
    before = tuned(graph, 2)
    assert len(before) == 3
    assert len(list((tmp_path / "cache" / "tuning").iterdir())) == 3

    def refuse(*_: object) -> None:
        raise AssertionError("this was measured before")

    monkeypatch.setattr(tuning, "_measured", refuse)
    assert tuned(graph, 2) == before
    with pytest.raises(AssertionError):
        tuned(graph, 3)


@pytest.mark.usefixtures("device")
def test_the_fastest_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernel by kernel; one that is hardly faster than the model's is not chosen."""
    graph, _ = network()
    first, second, third = {s.signature: 0 for s in lower(graph, OPTIONS, silent).steps}
    times = iter(
        [
            {first: 1.0, second: 1.0, third: 1.0},
            {first: 0.99, second: 0.5, third: 2.0},
            {first: 0.98, second: 0.7, third: 0.9},
        ]
    )
    monkeypatch.setattr(tuning, "_measured", lambda *_: next(times))
    _, other, last = tuning.candidates(3)
    assert tuned(graph, 3) == {first: MODEL, second: other, third: last}


def test_what_tvm_does_not_make_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("this schedule is impossible")

    graph, _ = network()
    [signature, *_] = [step.signature for step in lower(graph, OPTIONS, silent).steps]
    monkeypatch.setattr(tuning, "generate", broken)
    assert not tuning.is_built(signature, Choice(1), OPTIONS)
    assert tuning.is_built(signature, MODEL, OPTIONS)


def test_without_a_device_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(fix: str) -> None:
        raise UserError("there is no CUDA device on this machine: its driver finds none", fix=fix)

    monkeypatch.setattr(nvcc, "check_device", missing)
    message = fails("compile", "models:lenet5", "-t", "cuda", "--tune", "2", "-o", "out")
    assert "there is no CUDA device on this machine" in message
    assert message.endswith("Leave --tune out, or compile where the device is.")
