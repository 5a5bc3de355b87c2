"""The benchmark of the target cuda: its arithmetic, and a run of it in the emulator."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cuda
from benchmarks.devices import PEAKS, Peak, Work, roofline, work_of
from benchmarks.figure import Figure
from sightline.backends.tvm.gpu import nvcc
from sightline.backends.tvm.gpu.device import Device
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.sim.cuda import emulator
from tests.support.small_networks import labeler

SMALL = "models:scene,seed=3,scales=1,height=32,width=48"


def test_the_roofline_is_the_slower_of_arithmetic_and_memory() -> None:
    peak = Peak(10, {"fp32": 100}, 1e6, 1)
    # 1,000 products a cycle, a million cycles a second; a million bytes a second.
    works = [Work(2_000_000_000, 10), Work(1_000, 3_000_000)]
    assert roofline(works, "fp32", peak, 1.0) == pytest.approx(2 + 3)


def test_work_counts_each_product_and_what_passes_the_memory() -> None:
    graph = labeler().graph
    works = work_of(graph)
    assert sum(work.products for work in works) == graph.total_macs
    largest = max(node.type.size for node in graph.operations)
    assert sum(work.bytes for work in works) > 4 * largest


def test_peaks_are_those_of_data_sheets() -> None:
    """Tera operations a second without sparsity: of the H100 SXM, at its boost clock."""
    peak = PEAKS["NVIDIA H100 80GB HBM3"]
    for precision, wanted in {"fp32": 67, "half": 989, "int8": 1979}.items():
        found = 2 * peak.multiprocessors * peak.products[precision] * peak.megahertz / 1e6
        assert found == pytest.approx(wanted, rel=0.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "PRECISIONS", ("half",))
        place = tmp_path_factory.mktemp("bench")
        cuda.compile_into(place, SMALL)
        yield place


@pytest.fixture
def device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """The emulator's, and an emulated program instead of what nvcc would build."""
    source = folder / "half" / "cuda" / "model.cu"
    library = emulator.build(source, folder / "emulated", checked=False)
    monkeypatch.setattr(nvcc, "build", lambda place, arch: library)
    for name, count in {"TOGETHER": 1, "SAMPLES": 2, "WARM_UP": 0}.items():
        monkeypatch.setattr(cuda, name, count)
    made = Device(ctypes.CDLL(str(library)))
    yield made
    made.close()


def test_a_run_beside_a_peer(folder: Path, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def peers(*_: object) -> Iterator[tuple[str, Callable[[int], float]]]:
        yield "eager, slow", lambda frames: 1e9
        yield "torch.compile, quick", lambda frames: 1e-9

    monkeypatch.setattr(cuda, "_peers", peers)
    figures = {each.what: each for each in cuda.beside(folder, "half", device)}
    assert list(figures) == [
        "scene, half: cuda",
        "scene, half: eager, slow",
        "scene, half: torch.compile, quick",
        "scene, half: cuda / torch.compile, quick, their quickest",
    ]
    assert not figures["scene, half: cuda / torch.compile, quick, their quickest"].is_met


def test_the_bar_takes_all_ways_of_the_peer(
    folder: Path,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cuda, "_peers", lambda *_: iter([("eager, captured", lambda _: 1.0)]))
    figures = [each.what for each in cuda.beside(folder, "half", device)]
    assert figures == ["scene, half: cuda", "scene, half: eager, captured"]
    assert "not held to its bar" in capsys.readouterr().err


def test_wrong_outputs_have_no_time(
    folder: Path, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = cuda._arrays

    def wrong(file: Path) -> tuple[dict[str, Array], dict[str, Array]]:
        given, wanted = arrays(file)
        return given, {name: array + 1 for name, array in wanted.items()}

    monkeypatch.setattr(cuda, "_arrays", wrong)
    with pytest.raises(UserError, match="scene, half computes something else"):
        list(cuda.beside(folder, "half", device))
    with pytest.raises(UserError, match="nan away"):
        cuda.check("it", "fp32", [np.full(3, np.nan)], [np.ones(3)])


def test_what_is_known_without_a_device(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def none(*_: object) -> None:
        raise UserError("no nvcc here")

    monkeypatch.setattr(nvcc, "resources", none)
    monkeypatch.setattr(nvcc, "check_device", none)
    figures: list[Figure] = list(cuda.kernels(folder))
    assert [each.what.partition(": ")[2].split()[0] for each in figures] == ["launches", "roofline"]
    results = tmp_path / "cuda.json"
    assert cuda.main(["--measure", str(folder), "--results", str(results)]) == 0
    assert "frames" not in results.read_text().partition("figures")[2]
    assert cuda.main(["--measure", str(folder), "--results", str(results), "frames"]) == 0
