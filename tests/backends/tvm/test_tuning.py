"""What `compile --tune` measures, chooses and keeps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sightline.backends.tvm import tuning
from sightline.backends.tvm.build import Choice
from sightline.backends.tvm.cpu import Cpu
from sightline.backends.tvm.cpu_options import CpuOptions
from sightline.backends.tvm.host import host
from sightline.backends.tvm.lowering import Signature, stage
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Relu
from sightline.ir.progress import silent
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from tests.backends.tvm.test_winograd import integer_bank
from tests.support.cpu import assert_is_reference

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    return tmp_path / "tuning"


def network() -> tuple[Graph, dict[str, Array]]:
    """A bank of 3x3, one of 1x1, and what has no tiles."""
    net = GraphBuilder("net")
    y = x = net.input("x", TensorType((1, 32, 12, 14)))
    for kernel in (3, 1):
        window = Window((kernel, kernel))
        weights = RNG.standard_normal((32 * 32, kernel, kernel)).astype(np.float32) / 20
        y = net.add(Conv(window, Table.dense(32, 32)), y, net.constant(weights, f"w{kernel}"))
    net.output(y)
    net.output(net.add(Relu(), x))
    return net.finish(), {"x": RNG.standard_normal((1, 32, 12, 14)).astype(np.float32)}


def tuned(graph: Graph, count: int) -> dict[Signature, Choice]:
    return tuning.tune(graph, *host(), count, silent)


def run_tuned(graph: Graph, inputs: dict[str, Array], folder: Path) -> dict[str, Array]:
    folder.mkdir()
    target = Cpu(CpuOptions(tune=3))
    target.compile(graph, folder, silent)
    return target.load(graph, folder).run(inputs)


def forbid_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("this was measured before")

    monkeypatch.setattr(tuning, "_fastest", refuse)


def test_what_was_chosen_computes_the_same(tmp_path: Path) -> None:
    for number, (graph, inputs) in enumerate((network(), integer_bank(32, (8, 9)))):
        found = run_tuned(graph, inputs, tmp_path / str(number))
        expected = assert_is_reference(graph, inputs, tolerance=1e-5 if number == 0 else 0)
        for label, value in found.items():
            np.testing.assert_allclose(value, expected[label], rtol=0, atol=1e-4 * (number == 0))


def test_a_cache_that_cannot_be_written_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, _ = network()
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file"))
    measured = []

    def fastest(*_: object) -> Choice:
        measured.append(1)
        return Choice(1)

    monkeypatch.setattr(tuning, "_fastest", fastest)
    assert Choice(1) in tuned(graph, 2).values()
    count = len(measured)
    tuned(graph, 2)
    assert len(measured) == 2 * count > 0


def test_every_candidate_computes_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    graph, inputs = integer_bank(32, (8, 9))
    [expected] = assert_is_reference(graph, inputs, tolerance=0).values()
    for choice in (Choice(1), Choice(3), Choice(0, True), Choice(2, True), Choice(99, True)):
        monkeypatch.setattr(tuning, "_fastest", lambda *_, chosen=choice: chosen)
        monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / repr(choice)))
        [value] = run_tuned(graph, inputs, tmp_path / f"folder of {choice}").values()
        assert np.array_equal(value, expected)


def test_candidates_differ_and_begin_with_the_model() -> None:
    graph, _ = network()
    processor = host()[0]
    first, *_ = stage(graph, processor.machine).signatures.values()
    found = tuning.candidates(first, processor, 6)
    assert list(found)[:2] == [Choice(0), Choice(0, True)]
    assert len(found) == 6
    scripts = {kernel.function.script() for kernel in found.values()}
    assert len(scripts) == 6
    *_, last = stage(graph, processor.machine).signatures.values()
    assert list(tuning.candidates(last, processor, 6)) == [Choice()]


def test_what_was_measured_is_kept(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    graph, _ = network()
    before = tuned(graph, 3)
    forbid_measuring(monkeypatch)
    assert tuned(graph, 3) == before
    assert tuned(graph, 2) == before
    assert len(list(cache.iterdir())) == 3
    with pytest.raises(AssertionError):
        tuned(graph, 4)


def test_other_threads_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = network()
    monkeypatch.setenv("SIGHTLINE_THREADS", "1")
    tuned(graph, 2)
    monkeypatch.setenv("SIGHTLINE_THREADS", "2")
    forbid_measuring(monkeypatch)
    with pytest.raises(AssertionError):
        tuned(graph, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"choice": 1, "candidates": 2})])
def test_what_cannot_be_read_is_measured_again(text: str, cache: Path) -> None:
    graph, _ = network()
    before = tuned(graph, 2)
    for path in cache.iterdir():
        path.write_text(text)
    assert set(tuned(graph, 2)) == set(before)
    assert all(json.loads(path.read_text())["candidates"] == 2 for path in cache.iterdir())


def test_an_interruption_loses_only_what_it_was_at(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    graph, _ = network()
    seen = []

    def interrupted(*_: object) -> Choice:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return Choice(1)

    monkeypatch.setattr(tuning, "_fastest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tuned(graph, 2)
    assert len(list(cache.iterdir())) == 1


def test_chance_does_not_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate that is a little faster than the model's is not chosen, a faster one is."""
    graph, _ = network()
    processor, withheld = host()
    first, *_ = stage(graph, processor.machine).signatures.values()
    kernels = tuning.candidates(first, processor, 2)
    for second, expected in ((0.99, Choice()), (0.5, Choice(0, True))):
        monkeypatch.setattr(tuning, "_measured", lambda _, second=second: [1.0, second])
        assert tuning._fastest(kernels, processor, withheld) == expected


@pytest.mark.parametrize("count", [-1, 0, 1, 65])
def test_numbers_that_are_none(count: int) -> None:
    with pytest.raises(UserError, match="no number of candidates"):
        CpuOptions(count)
