"""`make bench-cpu`: which figures it gives, by which bars, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cpu
from benchmarks.cpu import NORMALIZED, beginning_at, in_precision, main, model_of
from benchmarks.figure import Figure, measure
from sightline.backends import reference
from sightline.bench_results import Bench, Measured
from sightline.frontend.trace import trace
from sightline.ir.evaluate import evaluate
from sightline.ir.types import Array
from sightline.measuring import Times
from sightline.models.scene import scene
from tests.support.chips import Small

RATIOS = {"scene": 0.7, "lenet5": 1.3, "resnet18": 0.5, "unet": 1.5}


def fake(name: str, precision: str, frames: int | None) -> Bench:
    """Times of which the ratio is that of the table; the peer's slower form does not count."""
    frames = frames or 50
    ours = Measured("cpu", "", False, Times((RATIOS[name],) * frames))
    dense = Measured("onnxruntime", "dense", True, Times((1.0,) * frames))
    split = Measured("onnxruntime", "split", True, Times((3.0,) * frames))
    return Bench(name, name, precision != "float", 2, (ours, split, dense), (), ())


@pytest.fixture
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "measured", fake)


def ratios(figures: Iterator[Figure]) -> dict[str, Figure]:
    return {f.what: f for f in figures if "cpu / onnxruntime" in f.what}


@pytest.mark.usefixtures("_fake")
def test_the_bars_of_networks_and_of_their_mean() -> None:
    found = ratios(in_precision("float", tuple(RATIOS), 3))
    bars = [(each.value, each.bar, each.is_met) for each in found.values()]
    assert bars[:4] == [
        (0.7, 0.70, True),
        (1.3, 1.3, True),
        (0.5, 1.3, True),
        (1.5, 1.3, False),
    ]
    mean = found["3 networks, float: cpu / onnxruntime, geometric mean"]
    assert mean.value == pytest.approx((1.3 * 0.5 * 1.5) ** (1 / 3))
    assert mean.bar == 1.0


@pytest.mark.usefixtures("_fake")
def test_in_int8_the_scene_network_is_one_of_all() -> None:
    found = ratios(in_precision("int8", tuple(RATIOS), 3))
    assert [each.bar for each in found.values()] == [1.4, 1.4, 1.4, 1.4, 1.0]
    mean = found["4 networks, int8: cpu / onnxruntime, geometric mean"]
    assert mean.value == pytest.approx((0.7 * 1.3 * 0.5 * 1.5) ** (1 / 4))


@pytest.mark.usefixtures("_fake")
def test_a_look_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cpu, "RESULTS", tmp_path / "cpu.json")
    assert main(["float", "--networks", "scene", "--frames", "2"]) == 0
    assert main(["float", "--networks", "unet"]) == 1
    assert not (tmp_path / "cpu.json").exists()
    printed = capsys.readouterr().out
    assert "| scene, float: cpu | 700.00 ms | stated |" in printed
    assert "| unet, float: cpu / onnxruntime | 1.50 **missed** | at most 1.30 |" in printed


@pytest.mark.usefixtures("_fake")
def test_what_is_kept_says_where_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "RESULTS", tmp_path / "cpu.json")
    monkeypatch.setattr(cpu, "SCENES", {"scene": ()})
    monkeypatch.setattr(cpu, "OTHERS", {"lenet5": "models:lenet5"})
    assert main(["float"]) == 0
    kept = json.loads((tmp_path / "cpu.json").read_text())
    assert set(kept) == {"machine", "versions", "threads", "frames", "seconds", "figures"}
    assert set(kept["figures"]) == {"float"}
    assert main(["int8"]) == 0
    assert set(json.loads((tmp_path / "cpu.json").read_text())["figures"]) == {"float", "int8"}


def repeated(monkeypatch: pytest.MonkeyPatch, *runs: tuple[float, float]) -> tuple[Figure, int]:
    """The figure of runs that take so long, ours and the peer; and how many of them were needed."""
    left = iter(runs)

    def medians(folder: Path, frames: int | None) -> dict[str, float]:
        ours, peer = next(left)
        return {"cpu": ours, "onnxruntime": peer}

    monkeypatch.setattr(cpu, "model_of", lambda _: Small())
    monkeypatch.setattr(cpu, "medians", medians)
    stated, figure = cpu.repeatability(None)
    assert stated.bar is None
    return figure, len(runs) - len(list(left))


def test_two_runs_count_while_the_peer_takes_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what we take says whether the machine was quiet, but another program."""
    figure, runs = repeated(monkeypatch, (2.0, 1.0), (1.0, 1.3), (1.02, 1.305), (1.02, 1.305))
    assert figure.value == pytest.approx(0.02)
    assert runs == 3
    assert figure.is_met
    figure, runs = repeated(monkeypatch, (1.0, 1.0), (1.1, 1.0), (1.1, 1.0))
    assert figure.value == pytest.approx(0.1)
    assert runs == 2
    assert not figure.is_met


def test_a_machine_that_is_never_quiet_gives_what_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    never = [(1.0 + run % 2, 1.0 + run % 2) for run in range(40)]
    figure, runs = repeated(monkeypatch, *never)
    assert (figure.value, runs) == (1.0, cpu.MOST_RUNS)
    assert not figure.is_met


def test_names_that_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quick"]) == 2
    assert (
        "there is no section quick; there are float, int8, compile, rep" in capsys.readouterr().err
    )
    with pytest.raises(SystemExit) as error:
        main(["--networks", "alexnet"])
    assert error.value.code == 2
    assert "there is no network alexnet; there are scene, " in capsys.readouterr().err


def test_sections_end_by_what_they_found(capsys: pytest.CaptureFixture[str]) -> None:
    sections = {
        "good": lambda: iter([Figure("a", 1, 2, "{}")]),
        "bad": lambda: iter([Figure("b", 3, 2, "{}")]),
    }
    assert measure(["good"], sections, None) == 0
    assert measure([], sections, None) == 1
    assert capsys.readouterr().out.count("| b | 3 **missed** | at most 2 |") == 1


def test_a_network_from_some_of_its_values_on_computes_the_rest() -> None:
    graph = trace(scene(height=32, width=48)).graph
    image = np.random.default_rng(0).random((1, 3, 32, 48), np.float32)
    values: dict[str, Array] = {}
    seen: dict[str, Array] = {}
    for node in evaluate(graph, {"image": image}, values):
        if node.name in NORMALIZED:
            seen[node.name] = values[node.name]
    cut = beginning_at(graph, NORMALIZED)
    assert [node.name for node in cut.inputs] == list(NORMALIZED)
    assert not any(node.op.kind.startswith("pyramid") for node in cut.operations)
    np.testing.assert_array_equal(
        reference.run(cut, **seen)["scores"], reference.run(graph, image=image)["scores"]
    )


def test_every_network_is_there() -> None:
    begun = model_of("scene-normalized").graph
    assert [node.type.shape for node in begun.inputs] == [
        (1, 3, 240, 320),
        (1, 3, 120, 160),
        (1, 3, 60, 80),
    ]
    assert model_of("mobilenet").graph.name == "mobilenet"
